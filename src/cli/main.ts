import { commandLine } from './command-line.ts';

for (const output of [process.stdout, process.stderr]) {
  // The reader has gone away (`etl list | head -1`): what is still to be said is said to nobody.
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await commandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  signals: process,
});
