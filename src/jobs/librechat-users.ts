import { devNull } from 'node:os';

import type { LibrechatUserSummary } from '../librechat/user-summaries.ts';
import { pipeline } from '../pipeline.ts';
import { librechatSource } from '../sources/librechat.ts';
import type { LibrechatExportOptions } from './librechat-export.ts';

/** Users of a LibreChat, by id, with how many conversations are theirs. What cannot be read is told as a warning. */
export async function librechatUsers(
  source: LibrechatExportOptions['source'],
  each: (user: LibrechatUserSummary) => void,
  {
    signal,
    onWarning,
  }: { readonly signal?: AbortSignal; readonly onWarning?: (stage: string, message: string) => void } = {},
): Promise<void> {
  const named = { name: 'librechat-users', onReject: { to: devNull } };
  await pipeline(librechatSource({ ...source, records: 'users' }), named)
    .to(async (users) => {
      for await (const user of users) each(user);
    })
    .run({ signal, onWarning, onReject: ({ stage, at, reason }) => onWarning?.(stage, `${at}: ${reason}`) });
}
