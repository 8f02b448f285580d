import { exitCodeOfError } from '../../src/cli/exit-codes.ts';
import { errorCodes, type ErrorCode } from '../../src/errors.ts';
import { madeFromCode } from './markdown.ts';

/** What every error code means and what to do. */
export function errorPage(): string {
  const sections = Object.entries(errorCodes).map(([code, { means, todo }]) => {
    // The keys of the table are the codes.
    return `## ${code}\n\n${means}\n\n**What to do:** ${todo}\n\nExit code ${exitCodeOfError(code as ErrorCode)}.`;
  });
  return `# Errors

${madeFromCode}

An error has four parts: a code that never changes its meaning, what happened, where (file, line, column, byte, stage,
record), and what to do. In TypeScript it is an \`EtlError\` with \`code\`, \`message\`, \`where\` and \`hint\`; what it was made
from is its \`cause\`. Messages hold no secrets.

${sections.join('\n\n')}
`;
}
