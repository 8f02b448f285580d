import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';
import { identityOf, nextStep, type PipelinePlan } from '../plan.ts';

/**
 * Holds, without writing, that a run may write where its sink keeps files; says where the progress goes. Nothing for other
 * sinks: they have a check of their own.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS` when a new run would find data there; `ETL_SINK_FAILED` when no file can be made.
 */
export async function checkTarget(plan: PipelinePlan): Promise<string | undefined> {
  const identity = identityOf(plan);
  const ledger = plan.sink.ledger?.(identity);
  if (ledger?.directory === undefined) return undefined;
  await holdWritable(resolve(ledger.directory));
  const next = await nextStep(await ledger.peek(), identity.digest, plan.sink);
  if (next === 'start') await plan.sink.checkNew?.();
  return `can be written; the progress is kept in ${ledger.where}`;
}

/** What is there of the path is a folder, and files may be made in it. */
async function holdWritable(path: string): Promise<void> {
  const where = { file: path };
  const found = await stat(path).catch((cause: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause) ?? '') && dirname(path) !== path) return undefined;
    throw new EtlError('ETL_SINK_FAILED', 'this folder cannot be looked into', { where, cause });
  });
  if (found === undefined) return holdWritable(dirname(path));
  if (!found.isDirectory()) throw new EtlError('ETL_SINK_FAILED', 'this is a file, and a folder is needed', { where });
  await access(path, constants.W_OK).catch((cause: unknown) => {
    throw new EtlError('ETL_SINK_FAILED', 'no files can be made in this folder', { where, cause });
  });
}
