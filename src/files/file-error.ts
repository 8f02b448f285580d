import { EtlError, systemCode, type ErrorCode, type ErrorPlace } from '../errors.ts';

/** What system errors on files mean, in words. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a directory',
  ENOTDIR: 'has a file where a folder should be',
  EACCES: 'may not be opened: permission denied',
  EPERM: 'may not be changed: operation not permitted',
  EROFS: 'is on a file system that is mounted read-only',
  ENOSPC: 'does not fit: the disk is full',
  EDQUOT: 'does not fit: the disk quota is used up',
  EFBIG: 'is larger than the file system or the limit of this process (ulimit -f) allows',
  EMFILE: 'cannot be opened: this process has too many files open',
  ENAMETOOLONG: 'has a name that is too long',
  ELOOP: 'goes through too many symbolic links',
  EIO: 'cannot be read or written: the device reports an error',
};

interface Details extends Pick<ErrorPlace, 'offset'> {
  readonly hint?: string | undefined;
}

/** A failure to read `path` as an `EtlError`: not found or failed. An `EtlError` stays what it is. */
export function inputError(error: unknown, path: string, details: Details = {}): EtlError {
  const code = systemCode(error);
  const notFound = code === 'ENOENT' || code === 'ENOTDIR';
  return fileError(
    error,
    notFound ? 'ETL_SOURCE_NOT_FOUND' : code === 'EISDIR' ? 'ETL_SOURCE_INVALID' : 'ETL_SOURCE_FAILED',
    path,
    details,
  );
}

/** A failure to write `path` as an `EtlError`. */
export function outputError(error: unknown, path: string, details: Details = {}): EtlError {
  return fileError(error, 'ETL_SINK_FAILED', path, details);
}

function fileError(error: unknown, code: ErrorCode, path: string, { hint, offset }: Details): EtlError {
  const where = { file: path, offset };
  if (error instanceof EtlError) return error.at(where);
  const system = systemCode(error);
  const meaning = system === undefined ? undefined : meanings[system];
  const what =
    meaning === undefined ? `${path}: ${error instanceof Error ? error.message : String(error)}` : `${path} ${meaning}`;
  return new EtlError(code, what, { where, hint, cause: error });
}
