/** The command that goes on with an interrupted run: as it was called, without what would start it over. */
export function resumeCommand(argv: readonly string[]): string {
  return ['etl', ...argv.filter((word) => word !== '--new-run')].map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
