import { Auth, HTTPException } from '@langchain/langgraph-sdk/auth';

/** Two keys; each sees only its own threads. */
export const auth = new Auth()
  .authenticate(async (request) => {
    const key = request.headers.get('x-api-key');
    if (key !== 'ana-key' && key !== 'ben-key') throw new HTTPException(401, { message: 'no such key' });
    return { identity: key, permissions: [] };
  })
  .on('*', ({ value, user }) => {
    if (typeof value === 'object' && value !== null && 'metadata' in value)
      value.metadata = { ...(value.metadata as object | undefined), owner: user.identity };
    return { owner: user.identity };
  });
