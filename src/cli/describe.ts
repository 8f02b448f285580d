import type { Command } from 'commander';

import type { Component } from '../component.ts';
import { components } from '../components.ts';
import { closest } from '../closest.ts';
import { optionInfos, optionsSchema, type OptionInfo } from '../config/option-info.ts';
import { EtlError } from '../errors.ts';
import { createCommand } from './command.ts';
import type { Cli } from './io.ts';

/** `etl describe COMPONENT` */
export function describeCommand(cli: Cli): Command {
  return createCommand(cli, 'describe', {
    summary: 'show the options of a component',
    examples: ['etl describe jsonl', 'etl describe jsonl --json'],
  })
    .argument('<component>', 'name of a source, transform or sink')
    .option('--json', 'print it as JSON, with the options as JSON Schema')
    .action((type: string, { json = false }: { readonly json?: boolean }) => {
      const found = components.filter((component) => component.type === type);
      if (found.length === 0) throw unknown(type);
      if (json) cli.print(JSON.stringify(found.map(asJson)));
      else cli.print(found.map((component) => describeText(component, cli)).join('\n\n'));
    });
}

function unknown(type: string): EtlError {
  const near = closest(
    type,
    components.map((component) => component.type),
  );
  return new EtlError('ETL_USAGE', `there is no component "${type}"`, {
    hint: near === undefined ? 'see: etl list' : `try "${near}"`,
  });
}

function asJson(component: Component): object {
  const { create: _, options: __, ...rest } = component;
  return { ...rest, options: optionsSchema(component) };
}

function describeText(component: Component, { outColors }: Pick<Cli, 'outColors'>): string {
  const { type, role, summary, details, examples = [] } = component;
  const infos = optionInfos(component);
  const flow = [
    ...('accepts' in component ? [`takes: ${component.accepts}`] : []),
    ...('gives' in component ? [`gives: ${component.gives}`] : []),
  ].join(', ');
  const parts = [
    `${outColors.bold(`${role} ${type}`)}\n${summary} (${flow})`,
    ...(details === undefined ? [] : [wrapped(details)]),
    ...(infos.length === 0
      ? ['No options.']
      : [`${outColors.bold('Options')}\n${infos.map((info) => optionText(info, outColors)).join('\n')}`]),
    ...examples.map((example) => `${outColors.bold('Example')}\n${indented(yamlOf(role, example))}`),
  ];
  return parts.join('\n\n');
}

function optionText(
  { name, type, required, default: standard, secret, description, examples }: OptionInfo,
  colors: Cli['outColors'],
): string {
  const notes = [
    type,
    ...(required ? ['required'] : []),
    ...(standard === undefined ? [] : [`default ${JSON.stringify(standard)}`]),
    ...(secret ? ['secret'] : []),
  ];
  const shown =
    examples.length === 0
      ? ''
      : ` For example ${examples.map((example) => (typeof example === 'string' ? example : JSON.stringify(example))).join(', or ')}.`;
  return `  ${colors.cyan(name)}  ${notes.join('; ')}\n${indented(wrapped(`${description}${shown}`, 96), '      ')}`;
}

/** A stage's example as it stands in a pipeline file. */
export function yamlOf(role: Component['role'], example: string): string {
  const lines = example.trimEnd().split('\n');
  if (role !== 'transform') return [`${role}:`, ...lines.map((line) => `  ${line}`)].join('\n');
  return ['transforms:', ...lines.map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`)].join('\n');
}

function wrapped(text: string, columns = 100): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length >= columns) {
      lines.push(line);
      line = '';
    }
    line += `${line === '' ? '' : ' '}${word}`;
  }
  return [...lines, line].join('\n');
}

function indented(text: string, by = '  '): string {
  return text.replace(/^(?=.)/gm, by);
}
