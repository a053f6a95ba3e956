/** Newcomers that share their UID with something else that is stored, and what a person decides about them. */
import { Anchor, Drawer, SegmentedControl, Skeleton, Table } from '@mantine/core';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Conflict } from '../../api/types';
import { Page } from '../../frame/Page';
import { EmptyState } from '../../parts/EmptyState';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { RelativeTime } from '../../parts/RelativeTime';
import { Uid } from '../../parts/Uid';
import { ConflictDetail } from './ConflictDetail';
import { sourceText, stateText } from './conflictWords';

export function ConflictsPage() {
  const [settled, setSettled] = useState(false);
  const [shown, setShown] = useState<string>();
  const conflicts = api.useQuery('get', '/api/v1/conflicts', { params: { query: { settled } } });
  const items = conflicts.data?.items;

  return (
    <Page
      title="Conflict shelf"
      purpose="What arrived under a UID that something else has."
      action={
        <SegmentedControl
          size="xs"
          aria-label="Which conflicts"
          value={settled ? 'settled' : 'open'}
          onChange={(value) => setSettled(value === 'settled')}
          data={[
            { value: 'open', label: 'To decide' },
            { value: 'settled', label: 'Decided' },
          ]}
        />
      }
    >
      {conflicts.isPending && <Skeleton height={160} />}
      {conflicts.isError && (
        <ProblemNotice error={conflicts.error} onRetry={() => void conflicts.refetch()} />
      )}
      {items?.length === 0 && (
        <EmptyState title={settled ? 'Nothing was decided yet' : 'Nothing is to be decided'}>
          When a sender sends another version of an instance that is stored, what is stored stays, and the
          newcomer waits here until somebody decides between the two.
        </EmptyState>
      )}
      {items && items.length > 0 && <ConflictTable conflicts={items} onShow={setShown} />}
      <Drawer
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        position="right"
        size="lg"
        title="What differs"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {shown && <ConflictDetail id={shown} onSettled={() => setShown(undefined)} />}
      </Drawer>
    </Page>
  );
}

interface ConflictTableProps {
  conflicts: Conflict[];
  onShow: (id: string) => void;
}

function ConflictTable({ conflicts, onShow }: ConflictTableProps) {
  return (
    <Table.ScrollContainer minWidth={760} type="native">
      <Table aria-label="Conflicts" verticalSpacing={6} fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Arrived</Table.Th>
            <Table.Th>On the shelf from</Table.Th>
            <Table.Th>Stored from</Table.Th>
            <Table.Th>Instance</Table.Th>
            <Table.Th>Now</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {conflicts.map((conflict) => (
            <Table.Tr key={conflict.id}>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                <RelativeTime at={conflict.shelved.received_at} />
              </Table.Td>
              <Table.Td>
                <ShowButton conflict={conflict} onShow={onShow} />
              </Table.Td>
              <Table.Td>{sourceText(conflict.stored.source)}</Table.Td>
              <Table.Td>
                <Uid value={conflict.sop_instance_uid} label="instance UID" />
              </Table.Td>
              <Table.Td>{stateText(conflict)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function ShowButton({ conflict, onShow }: { conflict: Conflict; onShow: (id: string) => void }) {
  return (
    <Anchor component="button" type="button" fz="sm" onClick={() => onShow(conflict.id)}>
      {sourceText(conflict.shelved.source)}
    </Anchor>
  );
}
