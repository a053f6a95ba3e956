/** Errors of the API as RFC 9457 problem documents, and as sentences a person can act on. */

/** A refused or failed request: what happened, why, and an id to quote. */
export class Problem extends Error {
  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    readonly type: string,
    readonly title: string,
    readonly detail: string | undefined,
    readonly id: string | undefined,
  ) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = 'Problem';
  }
}

/** Reads the problem document of a response that is not a success. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined);
  const field = (name: string): string | undefined => {
    if (typeof body !== 'object' || body === null) return undefined;
    const value = (body as Record<string, unknown>)[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return new Problem(
    response.status,
    field('type') ?? 'about:blank',
    field('title') ?? `The server answered ${response.status}`,
    field('detail'),
    field('id'),
  );
}

/** Any thrown value as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) {
    return new Problem(
      0,
      'about:blank',
      'Lightbox cannot be reached',
      'The request got no answer.',
      undefined,
    );
  }
  return new Problem(0, 'about:blank', 'Something went wrong here', String(error), undefined);
}

/** What the person can do about it. */
export function advice(problem: Problem): string {
  if (problem.status === 0) return 'Check the network connection; this page retries by itself.';
  if (problem.status === 401) return 'Sign in again.';
  if (problem.status === 403) return 'Ask an administrator for the role this needs.';
  if (problem.status === 404) return 'Go back and open it from its list.';
  if (problem.status < 500) return 'Correct the input and try again.';
  return 'Try again; if it stays, quote the id to whoever runs this server.';
}
