import type { CommandMaker } from './command.ts';

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Imports the command's file: only that of the command that was called is loaded. */
  load(): Promise<CommandMaker>;
}

/** Every command, in the order of the help. A new one, or a group of commands, is a file in this folder and a line here. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'run',
    summary: 'run a pipeline, or go on where it stopped',
    load: async () => (await import('./run.ts')).runCommand,
  },
  {
    name: 'check',
    summary: 'check pipeline files, and the connections',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  {
    name: 'plan',
    summary: 'show what a run would do, without writing',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  {
    name: 'preview',
    summary: 'show the first records after a stage',
    load: async () => (await import('./preview.ts')).previewCommand,
  },
  {
    name: 'test',
    summary: 'run the tests inside pipeline files',
    load: async () => (await import('./test.ts')).testCommand,
  },
  {
    name: 'verify',
    summary: 'prove that a bundle is whole, or equal to its source',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'librechat',
    summary: 'list users of a LibreChat, export its chats, verify exports',
    load: async () => (await import('./librechat.ts')).librechatCommand,
  },
  {
    name: 'onyx',
    summary: 'accounts and chats of bundles into Onyx; verify, repair, undo',
    load: async () => (await import('./onyx.ts')).onyxCommand,
  },
  {
    name: 'langgraph',
    summary: 'export, import, migrate and compare threads of LangGraph',
    load: async () => (await import('./langgraph.ts')).langgraphCommand,
  },
  {
    name: 'status',
    summary: 'show how far a run has come',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'rejects',
    summary: 'look at rejected records, and try them again',
    load: async () => (await import('./rejects.ts')).rejectsCommand,
  },
  {
    name: 'list',
    summary: 'list sources, transforms and sinks',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    name: 'describe',
    summary: 'show the options of a component',
    load: async () => (await import('./describe.ts')).describeCommand,
  },
  {
    name: 'graph',
    summary: 'draw a pipeline as a Mermaid diagram',
    load: async () => (await import('./graph.ts')).graphCommand,
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of pipeline files',
    load: async () => (await import('./schema.ts')).schemaCommand,
  },
  {
    name: 'init',
    summary: 'start a pipeline file from a template',
    load: async () => (await import('./init.ts')).initCommand,
  },
];
