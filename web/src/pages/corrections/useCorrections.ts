/** Changes of what is said of a study; the pages look again at all that may say otherwise now. */
import { useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import { notifyProblem } from '../../parts/notify';

/** Makes everything that names patients stale. */
export function useLookAgain(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries();
}

export function useUndoCorrection() {
  const lookAgain = useLookAgain();
  return api.useMutation('delete', '/api/v1/studies/{study_instance_uid}/corrections/{id}', {
    onSuccess: lookAgain,
    onError: notifyProblem,
  });
}
