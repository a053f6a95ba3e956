import { useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import { notifyDone, notifyProblem } from '../../parts/notify';

/** Orders that a step be done again; the timeline follows. */
export function useReplay(study: string) {
  const queries = useQueryClient();
  const path = '/api/v1/studies/{study_instance_uid}/timeline';
  const queryKey = ['get', path, { params: { path: { study_instance_uid: study } } }];
  return api.useMutation('post', '/api/v1/studies/{study_instance_uid}/replay', {
    onSuccess: () => {
      notifyDone('It is ordered; this page follows it.');
      return queries.invalidateQueries({ queryKey });
    },
    onError: notifyProblem,
  });
}
