/** The one client through which pages talk to the server. */
import { QueryCache, QueryClient } from '@tanstack/react-query';
import createFetchClient from 'openapi-fetch';
import createQueryHooks from 'openapi-react-query';
import { Problem, problemOf } from './problem';
import type { paths } from './schema';

/** Marks requests of this page; the server refuses changes by cookie without it (CSRF guard). */
export const guardHeaders = { 'X-Lightbox': '1' };

async function fetchOrProblem(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (!response.ok) throw await problemOf(response);
  return response;
}

export const client = createFetchClient<paths>({ headers: guardHeaders, fetch: fetchOrProblem });

/** TanStack Query hooks for every path of the API. */
export const api = createQueryHooks(client);

export const sessionKey = ['session'];

/** An answer that later requests may get differently; a refusal is final. */
function mayRetry(failures: number, error: unknown): boolean {
  const final = error instanceof Problem && error.status >= 400 && error.status < 500;
  return !final && failures < 3;
}

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (error instanceof Problem && error.status === 401) queries.setQueryData(sessionKey, null);
    },
  }),
  defaultOptions: { queries: { retry: mayRetry, staleTime: 10_000 } },
});
