/** Changes to the list of peers; each refreshes it. */
import { useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import type { Peer } from '../../api/types';
import { notifyDone, notifyProblem, notifyUndo } from '../../parts/notify';

function useRefreshPeers(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['get', '/api/v1/peers'] });
}

export function useAdmitPeer() {
  const refresh = useRefreshPeers();
  return api.useMutation('post', '/api/v1/peers/pending/{ae_title}/admit', {
    onSuccess: (peer) => {
      notifyDone(`${peer.ae_title} may send now; what it sent before must be sent again.`);
      return refresh();
    },
    onError: notifyProblem,
  });
}

/** Adds a peer, or changes what is known of it. */
export function useSavePeer(onSaved: () => void) {
  const refresh = useRefreshPeers();
  return api.useMutation('post', '/api/v1/peers', {
    onSuccess: () => {
      onSaved();
      return refresh();
    },
  });
}

/** Removes at once and offers the way back: adding the same peer again. */
export function useRemovePeer() {
  const refresh = useRefreshPeers();
  const restore = api.useMutation('post', '/api/v1/peers', { onSuccess: refresh, onError: notifyProblem });
  const remove = api.useMutation('delete', '/api/v1/peers/{ae_title}', {
    onSuccess: refresh,
    onError: notifyProblem,
  });
  return ({ ae_title, host, port, receives_results, policy }: Peer) =>
    remove.mutate(
      { params: { path: { ae_title } } },
      {
        onSuccess: () =>
          notifyUndo(`${ae_title} is removed.`, () =>
            restore.mutate({ body: { ae_title, host, port, receives_results, policy } }),
          ),
      },
    );
}
