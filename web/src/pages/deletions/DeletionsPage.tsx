/** What was deleted, by whom and why; the way back until it is purged. */
import { Button, Skeleton, Table, Text, Tooltip } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { api } from '../../api/client';
import type { Deletion } from '../../api/types';
import { Page } from '../../frame/Page';
import { ActionsHead } from '../../parts/ActionsHead';
import { EmptyState } from '../../parts/EmptyState';
import { notifyDone, notifyProblem } from '../../parts/notify';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { RelativeTime } from '../../parts/RelativeTime';
import { timelineAddress } from '../../parts/timeline';
import { Uid } from '../../parts/Uid';

const listPath = '/api/v1/deletions';

export function DeletionsPage() {
  const deletions = api.useQuery('get', listPath);
  const items = deletions.data?.items;
  return (
    <Page title="Deletions" purpose="What was deleted, by whom and why, newest first.">
      {deletions.isPending && <Skeleton height={160} />}
      {deletions.isError && (
        <ProblemNotice error={deletions.error} onRetry={() => void deletions.refetch()} />
      )}
      {items?.length === 0 && (
        <EmptyState title="Nothing was deleted">
          What people, rejection notes or the site's rules delete is hidden at once and stands here; it can be
          brought back until its bytes are removed.
        </EmptyState>
      )}
      {items && items.length > 0 && <DeletionTable deletions={items} />}
    </Page>
  );
}

const causes: Record<string, string> = {
  person: 'by hand',
  rejection: 'rejection note',
  rule: "the site's rule",
};

function DeletionTable({ deletions }: { deletions: Deletion[] }) {
  return (
    <Table.ScrollContainer minWidth={860} type="native">
      <Table aria-label="Deletions" verticalSpacing={6} fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>When</Table.Th>
            <Table.Th>Study</Table.Th>
            <Table.Th ta="right">Instances</Table.Th>
            <Table.Th>Cause</Table.Th>
            <Table.Th>Why</Table.Th>
            <Table.Th>By</Table.Th>
            <Table.Th>Now</Table.Th>
            <ActionsHead />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {deletions.map((deletion) => (
            <DeletionRow key={deletion.id} deletion={deletion} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function DeletionRow({ deletion }: { deletion: Deletion }) {
  const { series_instance_uid: series } = deletion;
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <RelativeTime at={deletion.deleted_at} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Uid value={deletion.study_instance_uid} label="study UID" />
        {series && (
          <Text size="xs" c="dimmed">
            series <Uid value={series} label="series UID" />
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right" className="num">
        {deletion.instances}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>{causes[deletion.cause] ?? deletion.cause}</Table.Td>
      <Table.Td>{deletion.reason}</Table.Td>
      <Table.Td>{deletion.deleted_by}</Table.Td>
      <Table.Td>
        <Standing deletion={deletion} />
      </Table.Td>
      <Table.Td ta="right">
        {!deletion.undone_at && !deletion.purged_at && <UndoButton deletion={deletion} />}
      </Table.Td>
    </Table.Tr>
  );
}

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

/** Brought back, removed, or hidden until a day. */
function Standing({ deletion }: { deletion: Deletion }) {
  if (deletion.undone_at) {
    return (
      <>
        <Link to={timelineAddress(deletion.study_instance_uid)}>brought back</Link> by {deletion.undone_by}{' '}
        <RelativeTime at={deletion.undone_at} />
      </>
    );
  }
  if (deletion.purged_at) {
    return (
      <>
        removed <RelativeTime at={deletion.purged_at} />
      </>
    );
  }
  if (!deletion.purge_at) return 'hidden for good; its bytes stay';
  return (
    <Tooltip label={new Date(deletion.purge_at).toLocaleString('en-GB')}>
      <span>
        hidden; removed on <span className="num">{day.format(Date.parse(deletion.purge_at))}</span>
      </span>
    </Tooltip>
  );
}

function UndoButton({ deletion }: { deletion: Deletion }) {
  const queries = useQueryClient();
  const undo = api.useMutation('post', '/api/v1/deletions/{id}/undo', {
    onSuccess: () => {
      notifyDone('It is back, with what apps had made of it.');
      return queries.invalidateQueries({ queryKey: ['get', listPath] });
    },
    onError: notifyProblem,
  });
  return (
    <Button
      variant="default"
      size="compact-xs"
      loading={undo.isPending}
      onClick={() => undo.mutate({ params: { path: { id: deletion.id } } })}
    >
      Bring back
    </Button>
  );
}
