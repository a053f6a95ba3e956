import { Button, Table } from '@mantine/core';
import { useMay } from '../../api/session';
import type { PendingPeer } from '../../api/types';
import { ActionsHead } from '../../parts/ActionsHead';
import { RelativeTime } from '../../parts/RelativeTime';
import { useAdmitPeer } from './usePeerChanges';

/** Callers that were turned away because nobody admitted them. */
export function PendingPeerTable({ pending }: { pending: PendingPeer[] }) {
  const may = useMay();
  const admit = useAdmitPeer();
  return (
    <Table.ScrollContainer minWidth={640} type="native">
      <Table aria-label="Pending peers" verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>AE title</Table.Th>
            <Table.Th>Called from</Table.Th>
            <Table.Th ta="right">Attempts</Table.Th>
            <Table.Th>Last</Table.Th>
            <ActionsHead />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {pending.map(({ ae_title, host, attempts, last_seen_at }) => (
            <Table.Tr key={`${ae_title} ${host}`}>
              <Table.Td className="mono">{ae_title}</Table.Td>
              <Table.Td className="mono">{host}</Table.Td>
              <Table.Td ta="right" className="num">
                {attempts}
              </Table.Td>
              <Table.Td>
                <RelativeTime at={last_seen_at} />
              </Table.Td>
              <Table.Td ta="right">
                {may('peer.admit') && (
                  <Button
                    size="compact-sm"
                    loading={admit.isPending && admit.variables.params.path.ae_title === ae_title}
                    onClick={() => admit.mutate({ params: { path: { ae_title } } })}
                  >
                    Admit peer
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
