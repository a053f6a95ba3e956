/** Which releases are at work here, in which mode, and from which score on they speak. */
import { Skeleton, Stack } from '@mantine/core';
import { api } from '../../api/client';
import { Page } from '../../frame/Page';
import { EmptyState } from '../../parts/EmptyState';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { DeploymentCard } from './DeploymentCard';

export function DeploymentsPage() {
  const deployments = api.useQuery('get', '/api/v1/deployments');
  return (
    <Page title="Deployments" purpose="Which releases run here, in which mode, and their thresholds.">
      {deployments.isPending && <Skeleton height={140} />}
      {deployments.isError && (
        <ProblemNotice error={deployments.error} onRetry={() => void deployments.refetch()} />
      )}
      {deployments.data?.length === 0 && (
        <EmptyState title="No app is deployed yet">
          A deployment is a release of an app at work here: which images it reads, its thresholds, and whether
          readers see its results. An administrator adds one on the server with{' '}
          <span className="mono">lightbox deploy</span>.
        </EmptyState>
      )}
      <Stack gap="sm">
        {deployments.data?.map((deployment) => (
          <DeploymentCard key={deployment.id} deployment={deployment} />
        ))}
      </Stack>
    </Page>
  );
}
