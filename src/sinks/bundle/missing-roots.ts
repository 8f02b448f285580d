import { stat } from 'node:fs/promises';

/** Those of some folders that are not there: a name that was mistyped would cost every file below it. */
export async function missingRoots(roots: readonly string[]): Promise<string[]> {
  const isFolder = async (root: string): Promise<boolean> => {
    try {
      return (await stat(root)).isDirectory();
    } catch {
      // Whatever is in its way, nothing is found there.
      return false;
    }
  };
  const found = await Promise.all(roots.map(isFolder));
  return roots.filter((_, place) => !found[place]);
}
