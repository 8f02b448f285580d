/** Puts the code of an example under each `<!-- from FILE -->` of a page: what is shown is what the tests run. */
export function withExamples(page: string, textOf: (path: string) => string): string {
  return page.replace(/(<!-- from (\S+) -->\n```ts\n)[^]*?```/g, (_, head: string, path: string) => {
    // Examples import the sources; readers have the package.
    const code = textOf(path).replaceAll("'../src/index.ts'", "'threadmill'");
    return `${head}${code}\`\`\``;
  });
}
