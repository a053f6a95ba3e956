/** Changes to a deployment show at once, can be undone, and fall back when the server refuses. */
import { useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import type { components } from '../../api/schema';
import type { Deployment } from '../../api/types';
import { notifyProblem, notifyUndo } from '../../parts/notify';

type Change = components['schemas']['DeploymentChange'];

const listKey = ['get', '/api/v1/deployments'];

/** The change that takes `change` back. */
function inverse(deployment: Deployment, change: Change): Change {
  const back: Change = {};
  if (change.mode != null) back.mode = deployment.mode;
  if (change.enabled != null) back.enabled = deployment.enabled;
  if (change.thresholds != null) {
    const changed = deployment.findings.filter(({ id }) => change.thresholds?.[id] !== undefined);
    back.thresholds = Object.fromEntries(changed.map(({ id, threshold }) => [id, threshold]));
  }
  return back;
}

function changed(deployment: Deployment, change: Change): Deployment {
  const findings = deployment.findings.map((finding) => ({
    ...finding,
    threshold: change.thresholds?.[finding.id] ?? finding.threshold,
  }));
  return {
    ...deployment,
    findings,
    mode: change.mode ?? deployment.mode,
    enabled: change.enabled ?? deployment.enabled,
  };
}

export function useDeploymentChange(deployment: Deployment): (change: Change) => void {
  const queries = useQueryClient();
  const patch = api.useMutation('patch', '/api/v1/deployments/{id}', {
    onMutate: ({ body }) => {
      queries.setQueriesData<Deployment[]>({ queryKey: listKey }, (list) =>
        list?.map((each) => (each.id === deployment.id ? changed(each, body) : each)),
      );
    },
    onError: notifyProblem,
    onSettled: () => queries.invalidateQueries({ queryKey: listKey }),
  });
  const send = (body: Change) => patch.mutateAsync({ params: { path: { id: deployment.id } }, body });
  return (change) => {
    const back = inverse(deployment, change);
    send(change).then(
      () => notifyUndo(`${deployment.app_name} is changed.`, () => void send(back).catch(() => undefined)),
      () => undefined,
    );
  };
}
