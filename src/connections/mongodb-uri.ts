/** What a MongoDB connection string tells without the driver, and without its secrets. */
export interface MongodbAddress {
  /** Scheme, hosts and database, for messages: `mongodb://db1,db2/LibreChat`. Never user, password or options. */
  readonly where: string;
  readonly database: string | undefined;
  /** Names of the options it sets, in lower case. */
  readonly options: ReadonlySet<string>;
}

const shape = /^(mongodb(?:\+srv)?:\/\/)(.*)$/s;

/** Takes a connection string apart; nothing when it is none. */
export function parseMongodbUri(uri: string): MongodbAddress | undefined {
  const [, scheme, rest] = shape.exec(uri.trim()) ?? [];
  if (scheme === undefined || rest === undefined) return undefined;
  // Up to the last @: whatever a badly escaped password holds, it is not shown.
  const [place = '', query = ''] = rest.slice(rest.lastIndexOf('@') + 1).split('?', 2);
  const [hosts = '', database = ''] = place.split('/', 2);
  if (hosts === '') return undefined;
  const names = query.split('&').map((option) => option.split('=', 1)[0]?.toLowerCase() ?? '');
  const name = decoded(database);
  return {
    where: `${scheme}${hosts}${name === '' ? '' : `/${name}`}`,
    database: name || undefined,
    options: new Set(names),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not escaped the way a URI is: the driver will say so.
    return text;
  }
}
