/** The server's live stream: whatever changes there makes this page's data stale here. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

/** Events of one burst (a study of many instances) cost one refetch. */
const burstMs = 250;

/** Which paths of the API to look at again after an action such as `run.finished`. */
function staleAfter(action: string): (path: string) => boolean {
  const noun = action.split('.')[0];
  if (noun === 'peer') return (path) => path.startsWith('/api/v1/peers') || path === '/api/v1/events';
  if (noun === 'deployment') return (path) => path === '/api/v1/deployments' || path === '/api/v1/events';
  return (path) => !path.endsWith('/map') && path !== '/api/v1/system';
}

/** Follows the stream while mounted; true while it is connected. */
export function useLive(): boolean {
  const queries = useQueryClient();
  const [connected, setConnected] = useState(false);

  useEffect(() => {
    const stream = new EventSource('/api/v1/live');
    const pending = new Set<string>();
    let interrupted = false;
    let timer: number | undefined;

    const refresh = () => {
      timer = undefined;
      const tests = [...pending].map(staleAfter);
      pending.clear();
      void queries.invalidateQueries({
        predicate: ({ queryKey }) => {
          const path = queryKey[1];
          return typeof path === 'string' && tests.some((test) => test(path));
        },
      });
    };

    stream.onopen = () => {
      setConnected(true);
      if (!interrupted) return;
      interrupted = false;
      pending.add('reconnected');
      timer ??= window.setTimeout(refresh, burstMs);
    };
    stream.onerror = () => {
      interrupted = true;
      setConnected(false);
    };
    stream.onmessage = ({ data }: MessageEvent<string>) => {
      const message = JSON.parse(data) as { action: string };
      pending.add(message.action);
      timer ??= window.setTimeout(refresh, burstMs);
    };
    return () => {
      stream.close();
      window.clearTimeout(timer);
    };
  }, [queries]);

  return connected;
}
