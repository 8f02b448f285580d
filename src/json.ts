/** A JSON value: what a cursor, a stage's state and a report are made of. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
