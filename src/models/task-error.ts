/**
 * The error of a task as JavaScript's runtime keeps it: an object with `name` and `message`, which its server shows as JSON.
 *
 * Python keeps and shows text: that is the message of an error without a name of its own. So the errors of one and the same
 * task are alike, whichever runtime tells them.
 *
 * @see LangGraph API 1.5 for JavaScript, `serializeError`; LangGraph 1.2 for Python keeps `repr` of the exception
 */
export function taskError(error: unknown): Readonly<Record<string, unknown>> {
  const text = typeof error === 'string' ? error : JSON.stringify(error);
  return parsed(text) ?? { name: 'Error', message: text };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof value['name'] === 'string' && typeof value['message'] === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
