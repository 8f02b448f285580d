import { yamlOf } from '../../src/cli/describe.ts';
import type { Component } from '../../src/component.ts';
import { optionInfos, type OptionInfo } from '../../src/config/option-info.ts';
import { cell, madeFromCode, table } from './markdown.ts';

/** The list of all components. */
export function componentIndex(components: readonly Component[]): string {
  const parts = (['source', 'transform', 'sink'] as const).map((role) => {
    const rows = components
      .filter((component) => component.role === role)
      .toSorted((left, right) => (left.type < right.type ? -1 : 1))
      .map((component) => [
        `[\`${component.type}\`](${component.type}.md)`,
        cell(component.summary),
        flowOf(component),
      ]);
    return `## ${titles[role]}\n\n${table(['type', 'what', 'records'], rows)}`;
  });
  return `# Components\n\n${madeFromCode}\n\n${parts.join('\n\n')}\n`;
}

/** The page of one name: a source, a transform, a sink, or a source and a sink. */
export function componentPage(components: readonly Component[]): string {
  const [first] = components;
  const parts = components.map((component) => section(component));
  return `# \`${first?.type ?? ''}\`\n\n${madeFromCode}\n\n${parts.join('\n\n')}\n`;
}

const titles = { source: 'Sources', transform: 'Transforms', sink: 'Sinks' } as const;

function section(component: Component): string {
  const { type, role, summary, details, examples = [] } = component;
  const infos = optionInfos(component);
  const parts = [
    `## ${role[0]?.toUpperCase()}${role.slice(1)} \`${type}\``,
    `${summary}. ${flowOf(component)}`.replace(/\.\. /, '. '),
    ...(details === undefined ? [] : [details]),
    infos.length === 0 ? 'It has no options.' : table(['option', 'value', 'default', 'meaning'], infos.map(optionRow)),
    ...examples.map((example) => `\`\`\`yaml\n${yamlOf(role, example)}\n\`\`\``),
  ];
  return parts.join('\n\n');
}

function flowOf(component: Component): string {
  const takes = 'accepts' in component ? [`takes ${kind(component.accepts)}`] : [];
  const gives =
    'gives' in component ? [`gives ${component.gives === 'same' ? 'the same kind' : kind(component.gives)}`] : [];
  const text = [...takes, ...gives].join(', ');
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function kind(name: string): string {
  return name === 'any' ? 'records of any kind' : `records of kind \`${name}\``;
}

function optionRow({ name, type, required, default: standard, secret, description, examples }: OptionInfo): string[] {
  const shown = examples.map((example) => `\`${typeof example === 'string' ? example : JSON.stringify(example)}\``);
  const notes = [
    description,
    ...(secret ? ['A secret: never printed, put it into a variable.'] : []),
    ...(shown.length > 0 ? [`For example ${shown.join(', ')}.`] : []),
  ];
  const value = required ? '**required**' : standard === undefined ? '' : `\`${JSON.stringify(standard)}\``;
  return [`\`${name}\``, cell(type), cell(value), cell(notes.join(' '))];
}
