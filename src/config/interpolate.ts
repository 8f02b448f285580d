/** What is wrong with a variable in a text, and at which character. */
export interface VariableProblem {
  readonly index: number;
  /** The variable that is not set; nothing when what follows `${` is not a variable at all. */
  readonly name?: string | undefined;
}

const pattern = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/**
 * Puts environment variables into a text: `${NAME}`, `${NAME:-default}` (when it is not set, or empty), and `$${` for a
 * `${` that is meant as it stands. What a variable holds is not looked at again.
 */
export function interpolate(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly text: string; readonly problems: readonly VariableProblem[] } {
  const problems: VariableProblem[] = [];
  const replaced = text.replace(
    pattern,
    (match: string, name: string | undefined, fallback: string | undefined, index: number) => {
      if (match === '$${') return '${';
      const value = name === undefined || !Object.hasOwn(environment, name) ? undefined : environment[name];
      if (value !== undefined && (value !== '' || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback;
      problems.push({ index, name });
      return match;
    },
  );
  return { text: replaced, problems };
}
