import { EtlError, type ErrorCode, type ErrorPlace } from '../errors.ts';

/** An error on its way between threads: what a message cannot carry is its class. */
export type PackedError =
  | ({ readonly is: 'etl'; readonly code: ErrorCode; readonly message: string; readonly stack: string | undefined } & {
      readonly where: ErrorPlace;
      readonly hint: string;
      readonly cause: PackedError | undefined;
    })
  | { readonly is: 'error'; readonly name: string; readonly message: string; readonly stack: string | undefined }
  | { readonly is: 'value'; readonly value: unknown };

export function packError(error: unknown): PackedError {
  if (error instanceof EtlError) {
    const { code, message, stack, where, hint, cause } = error;
    return { is: 'etl', code, message, stack, where, hint, cause: cause === undefined ? undefined : packError(cause) };
  }
  if (error instanceof Error) return { is: 'error', name: error.name, message: error.message, stack: error.stack };
  const isPrimitive = error === null || ['undefined', 'string', 'number', 'boolean', 'bigint'].includes(typeof error);
  return { is: 'value', value: isPrimitive ? error : String(error) };
}

/** The error again: an `EtlError`, an `Error` of that name, or what was thrown in its place. */
export function unpackError(packed: PackedError): unknown {
  switch (packed.is) {
    case 'etl': {
      const { code, message, stack, where, hint, cause } = packed;
      const error = new EtlError(code, message, { where, hint, cause: cause && unpackError(cause) });
      return Object.assign(error, stack !== undefined && { stack });
    }
    case 'error': {
      const { name, message, stack } = packed;
      return Object.assign(new Error(message), { name, ...(stack !== undefined && { stack }) });
    }
    case 'value':
      return packed.value;
  }
}
