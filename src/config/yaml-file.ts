import { readFile } from 'node:fs/promises';

import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
} from 'yaml';

import { EtlError, systemCode, type ErrorPlace } from '../errors.ts';

/** A pipeline file is written by people. More than this is some other file, or an attack on the parser. */
const maxBytes = 1024 * 1024;
/** How many nodes aliases may unfold to, for each that they stand for. */
const maxAliasCount = 100;
/** One slip makes the parser stumble many times. */
const problemsShown = 5;

/** A YAML file that was read, with the places of everything in it. */
export interface YamlFile {
  readonly file: string;
  readonly text: string;
  readonly document: Document;
  /** Line and column, from 1, of a character of the text. */
  placeAt(offset: number): ErrorPlace;
}

/**
 * Reads a YAML 1.2 file: one document, UTF-8, up to 1 MB.
 *
 * @throws {EtlError} `ETL_CONFIG_NOT_FOUND` when it cannot be read; `ETL_CONFIG_SYNTAX` when it is too large or not UTF-8.
 */
export async function readYamlFile(
  path: string,
): Promise<{ readonly yaml: YamlFile; readonly problems: readonly EtlError[] }> {
  return parseYaml(await readText(path), path);
}

/** Parses YAML; what is wrong with it is listed, with places. */
function parseYaml(text: string, file: string): { readonly yaml: YamlFile; readonly problems: readonly EtlError[] } {
  const lines = new LineCounter();
  const placeAt = (offset: number): ErrorPlace => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const [document, second] = parseDocuments(text, file, lines);
  const found = [...document.errors, ...document.warnings].map(({ code, message, pos }) => {
    const what = code === 'RESOURCE_EXHAUSTION' ? 'the file is nested too deeply' : firstLine(message);
    return new EtlError('ETL_CONFIG_SYNTAX', what, { where: placeAt(pos[0]) });
  });
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      found.push(
        new EtlError('ETL_CONFIG_SYNTAX', `there is no anchor "&${alias.source}" before this alias`, {
          where: placeAt(alias.range?.[0] ?? 0),
        }),
      );
    },
  });
  const problems = found.slice(0, problemsShown);
  if (second !== undefined) {
    const where = placeAt(second.range[0]);
    problems.push(
      new EtlError('ETL_CONFIG_SYNTAX', 'a second YAML document in the file', {
        where,
        hint: 'put each pipeline into a file of its own',
      }),
    );
  }
  return { yaml: { file, text, document, placeAt }, problems };
}

/** The file's content as plain values, aliases unfolded. */
export function yamlValue({ document, placeAt }: YamlFile): unknown {
  try {
    return document.toJS({ maxAliasCount });
  } catch (error) {
    let last = 0;
    visit(document, {
      Alias(_, alias) {
        last = alias.range?.[0] ?? last;
      },
    });
    throw new EtlError('ETL_CONFIG_SYNTAX', 'the aliases up to this one unfold to too much', {
      where: placeAt(last),
      hint: 'write out what the aliases stand for',
      cause: error,
    });
  }
}

/** Where the value at `path` stands, or its name (`of: 'key'`); the nearest thing above when it is not there. */
export function placeOf(
  { document, placeAt }: YamlFile,
  path: readonly PropertyKey[],
  of: 'key' | 'value' = 'value',
): ErrorPlace {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    const inside = isAlias(node) ? node.resolve(document) : node;
    const found: unknown = isSeq(inside) ? inside.items[Number(step)] : pairOf(inside, String(step));
    if (found === undefined) break;
    const isKey = of === 'key' && depth === path.length - 1;
    node = isPair(found) ? (isKey ? found.key : (found.value ?? found.key)) : found;
    offset = startOf(node) ?? offset;
  }
  return placeAt(offset);
}

function pairOf(node: unknown, key: string): unknown {
  return isMap(node) ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key) : undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

async function readText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EISDIR: 'this is a directory, not a pipeline file',
      EACCES: 'no permission to read the file',
    };
    throw new EtlError('ETL_CONFIG_NOT_FOUND', reasons[systemCode(error) ?? ''] ?? 'cannot read the file', {
      where: { file: path },
      cause: error,
    });
  }
  if (bytes.length > maxBytes) {
    throw new EtlError(
      'ETL_CONFIG_SYNTAX',
      `the file has ${bytes.length} bytes, more than a pipeline file may have (${maxBytes})`,
      { where: { file: path } },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const where = { file: path, ...placeOfBrokenText(bytes) };
    throw new EtlError('ETL_CONFIG_SYNTAX', 'the file is not UTF-8 text', { where, cause: error });
  }
}

/** Line and column, from 1, of the first character that is not UTF-8. */
function placeOfBrokenText(bytes: Buffer): { readonly line: number; readonly column: number } {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  try {
    for (let at = 0; at < bytes.length; at += 1) text += decoder.decode(bytes.subarray(at, at + 1), { stream: true });
  } catch {
    // This is the place.
  }
  const lines = text.split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

function parseDocuments(
  text: string,
  file: string,
  lines: LineCounter,
): readonly [Document.Parsed, Document.Parsed | undefined] {
  let documents: readonly Document.Parsed[];
  try {
    documents = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      version: '1.2',
      uniqueKeys: true,
      logLevel: 'error',
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EtlError('ETL_CONFIG_SYNTAX', 'the file is nested too deeply', { where: { file }, cause: error });
  }
  const [first, second] = documents;
  if (first === undefined || (first.contents === null && first.errors.length === 0)) {
    throw new EtlError('ETL_CONFIG_SYNTAX', 'the file is empty', {
      where: { file },
      hint: 'start from a template: etl init',
    });
  }
  return [first, second];
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
