import { EtlError } from '../errors.ts';

/** Holds that an error carries a code: for `assert.rejects`. */
export function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof EtlError && error.code === code;
}

/** Holds that an error's message has this in it. */
export function hasMessage(message: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && error.message.includes(message);
}
