import { Button, Group, Skeleton, Stack, Table, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Conflict, Difference } from '../../api/types';
import { notifyDone } from '../../parts/notify';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { RelativeTime } from '../../parts/RelativeTime';
import { timelineAddress } from '../../parts/timeline';
import { bytesText } from '../../parts/words';
import { sourceText, stateText } from './conflictWords';

/** The two side by side, attribute by attribute, and the decision. */
export function ConflictDetail({ id, onSettled }: { id: string; onSettled: () => void }) {
  const detail = api.useQuery('get', '/api/v1/conflicts/{id}', { params: { path: { id } } });
  if (detail.isPending) return <Skeleton height={240} />;
  if (detail.isError) return <ProblemNotice error={detail.error} />;
  const { conflict, differences } = detail.data;
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">
        {stateText(conflict)} · <Link to={timelineAddress(conflict.study_instance_uid)}>study timeline</Link>
      </Text>
      <DifferenceTable conflict={conflict} differences={differences} />
      <Decision conflict={conflict} onSettled={onSettled} />
    </Stack>
  );
}

interface DifferenceTableProps {
  conflict: Conflict;
  differences: Difference[];
}

function DifferenceTable({ conflict, differences }: DifferenceTableProps) {
  return (
    <Table aria-label="Differences" fz="sm" verticalSpacing={4} layout="fixed">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Attribute</Table.Th>
          <Table.Th>Stored</Table.Th>
          <Table.Th>On the shelf</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        <Table.Tr>
          <Table.Th scope="row">From</Table.Th>
          {[conflict.stored, conflict.shelved].map((file) => (
            <Table.Td key={file.received_at + file.source}>
              {sourceText(file.source)}, <RelativeTime at={file.received_at} />, {bytesText(file.size_bytes)}
            </Table.Td>
          ))}
        </Table.Tr>
        {differences.map((difference) => (
          <Table.Tr key={difference.name}>
            <Table.Th scope="row" style={{ overflowWrap: 'anywhere' }}>
              {difference.name}
            </Table.Th>
            <ValueCell has={difference.in_stored} value={difference.stored} />
            <ValueCell has={difference.in_shelved} value={difference.shelved} />
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** A value, that there is none, or that there is one which this person may not read. */
function ValueCell({ has, value }: { has: boolean; value: string | null | undefined }) {
  if (!has) return <Table.Td c="dimmed">absent</Table.Td>;
  if (value == null) return <Table.Td c="dimmed">differs</Table.Td>;
  return <Table.Td style={{ overflowWrap: 'anywhere' }}>{value === '' ? 'empty' : value}</Table.Td>;
}

function Decision({ conflict, onSettled }: { conflict: Conflict; onSettled: () => void }) {
  const may = useMay();
  const queries = useQueryClient();
  const settle = api.useMutation('post', '/api/v1/conflicts/{id}/settle', {
    onSuccess: () => {
      notifyDone('It is decided; the log has it.');
      onSettled();
      return queries.invalidateQueries({ queryKey: ['get', '/api/v1/conflicts'] });
    },
  });
  if (!may('conflict.settle')) return null;
  const decide = (decision: 'keep_first' | 'replace' | 'discard') =>
    settle.mutate({ params: { path: { id: conflict.id } }, body: { decision } });
  return (
    <Stack gap="sm">
      {settle.isError && <ProblemNotice error={settle.error} />}
      <Group gap="sm">
        {conflict.state === 'open' && (
          <Button size="xs" loading={settle.isPending} onClick={() => decide('keep_first')}>
            Keep what is stored
          </Button>
        )}
        <Button size="xs" variant="default" loading={settle.isPending} onClick={() => decide('replace')}>
          Replace by the one on the shelf
        </Button>
        <Button size="xs" variant="default" loading={settle.isPending} onClick={() => decide('discard')}>
          Throw the one on the shelf away
        </Button>
      </Group>
      <Text size="sm" c="dimmed">
        A replacement only makes the two change places, so that it can be taken back; the apps then look at
        the instance anew. What is thrown away is gone.
      </Text>
    </Stack>
  );
}
