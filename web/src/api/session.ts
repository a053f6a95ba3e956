/** Who is signed in, and what this person may do. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { client, sessionKey } from './client';
import { Problem } from './problem';
import type { Session } from './types';

/** Set while a session cookie probably exists, so that a first visit asks nothing it would be refused. */
const hintKey = 'lightbox.signed-in';

async function fetchSession(): Promise<Session | null> {
  if (localStorage.getItem(hintKey) === null) return null;
  try {
    const { data } = await client.GET('/api/v1/session');
    return data ?? null;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    localStorage.removeItem(hintKey);
    return null;
  }
}

/** The session; `data` is null when nobody is signed in. */
export function useSession() {
  return useQuery({ queryKey: sessionKey, queryFn: fetchSession, staleTime: 60_000 });
}

/** Whether the signed-in person may do `action`, such as `peer.admit`. */
export function useMay(): (action: string) => boolean {
  const actions = useSession().data?.actions ?? [];
  return (action) => actions.includes(action);
}

function useSessionChange<Input>(change: (input: Input) => Promise<Session | null>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (session) => {
      localStorage.setItem(hintKey, '1');
      queries.setQueryData(sessionKey, session);
    },
  });
}

export function useSignIn() {
  return useSessionChange(async (body: { name: string; password: string }) => {
    const { data } = await client.POST('/api/v1/session', { body });
    return data ?? null;
  });
}

export function useChangePassword() {
  return useSessionChange(async (newPassword: string) => {
    const body = { new_password: newPassword };
    const { data } = await client.POST('/api/v1/session/password', { body });
    return data ?? null;
  });
}

/** Ends the session and loads the page anew, so that nothing of any patient stays in its memory. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => client.DELETE('/api/v1/session'),
    onSuccess: () => {
      localStorage.removeItem(hintKey);
      location.assign('/login');
    },
  });
}
