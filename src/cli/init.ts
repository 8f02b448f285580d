import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Command } from 'commander';

import { closest } from '../closest.ts';
import { EtlError, systemCode } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { createCommand } from './command.ts';
import { padWidth } from './format.ts';
import { safe, type Cli } from './io.ts';

// The same from src/cli/ and from dist/cli/.
const templates = fileURLToPath(new URL('../../pipelines/', import.meta.url));
const editorLine = '# yaml-language-server: $schema=./node_modules/threadmill/schema/pipeline.schema.json';

/** `etl init TEMPLATE [FILE]` */
export function initCommand(cli: Cli): Command {
  return createCommand(cli, 'init', {
    summary: 'start a pipeline file from a template',
    details: 'Without a template, lists them',
    examples: ['etl init', 'etl init copy-jsonl', 'etl init copy-jsonl my-import.yaml'],
  })
    .argument('[template]', 'name of a template')
    .argument('[file]', 'file to write (default: TEMPLATE.yaml)')
    .action(async (template: string | undefined, file: string | undefined) => {
      const known = await templateTexts();
      if (template === undefined) {
        cli.print(listText(known, cli));
        return;
      }
      const text = known.get(template);
      if (text === undefined) throw unknownTemplate(template, [...known.keys()]);
      const path = file ?? `${template}.yaml`;
      await writeNew(resolve(cli.cwd, path), path, withEditorLine(text), template);
      cli.say(`wrote ${safe(path)}${variablesText(text)}\nnext: etl check ${safe(path)} --connect`);
    });
}

async function templateTexts(): Promise<Map<string, string>> {
  const names = (await readdir(templates)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(templates, name), 'utf8')));
  return new Map(names.map((name, index) => [basename(name, '.yaml'), texts[index] ?? '']));
}

function listText(known: ReadonlyMap<string, string>, { outColors }: Cli): string {
  const width = Math.max(...[...known.keys()].map((name) => name.length));
  const lines = [...known].map(([name, text]) => `  ${padWidth(name, width)}  ${descriptionOf(text)}`);
  return [outColors.bold('Templates'), ...lines, '', 'Start with one: etl init NAME'].join('\n');
}

/** The first comment of the file that is not for the editor. */
function descriptionOf(text: string): string {
  const comment = text
    .split('\n')
    .find((line) => line.startsWith('# ') && line !== editorLine && !line.includes('yaml-language-server'));
  return comment?.slice(2).replace(/\.$/, '') ?? '';
}

/** What the template leaves open: its paths and addresses are those of the samples unless somebody says otherwise. */
function variablesText(text: string): string {
  const found = new Map<string, string | undefined>();
  for (const [, name = '', fallback] of text.matchAll(/\$\{(\w+)(?::-([^}]*))?\}/g)) found.set(name, fallback);
  if (found.size === 0) return '';
  const width = Math.max(...[...found.keys()].map((name) => name.length));
  const lines = [...found].map(([name, fallback]) => {
    return `  ${padWidth(name, width)}  ${fallback === undefined ? 'must be set' : `else ${fallback}`}`;
  });
  return [', which takes these from the environment or from .env:', ...lines].join('\n');
}

function withEditorLine(text: string): string {
  return `${editorLine}\n${text.replace(/^# yaml-language-server:.*\n/, '')}`;
}

async function writeNew(path: string, shown: string, text: string, template: string): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    const where = { file: shown };
    if (systemCode(error) === 'EEXIST') {
      throw new EtlError('ETL_USAGE', 'the file is there already', {
        where,
        hint: `name another file: etl init ${template} FILE`,
      });
    }
    throw new EtlError('ETL_SINK_FAILED', 'cannot write the file', { where, hint: 'name another file', cause: error });
  }
}

function unknownTemplate(name: string, known: readonly string[]): EtlError {
  const near = closest(name, known);
  return new EtlError('ETL_USAGE', `there is no template "${name}"`, {
    hint: near === undefined ? `there are: ${known.join(', ')}` : `try "${near}"`,
  });
}
