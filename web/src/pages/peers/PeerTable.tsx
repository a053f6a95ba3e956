import { ActionIcon, Badge, Button, Group, Table, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconPencil, IconTrash } from '@tabler/icons-react';
import { api } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useMay } from '../../api/session';
import type { Peer } from '../../api/types';
import { ActionsHead } from '../../parts/ActionsHead';
import { RelativeTime } from '../../parts/RelativeTime';
import { durationText } from '../../parts/words';
import { useRemovePeer } from './usePeerChanges';

/** The services that there are. */
const servicesInAll = 6;

interface PeerTableProps {
  peers: Peer[];
  onEdit: (peer: Peer) => void;
}

export function PeerTable({ peers, onEdit }: PeerTableProps) {
  const may = useMay();
  const remove = useRemovePeer();
  return (
    <Table.ScrollContainer minWidth={720} type="native">
      <Table aria-label="Admitted peers" verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>AE title</Table.Th>
            <Table.Th>Address</Table.Th>
            <Table.Th>Results</Table.Th>
            <Table.Th>May</Table.Th>
            <Table.Th>Admitted</Table.Th>
            <Table.Th>Connection</Table.Th>
            <ActionsHead />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {peers.map((peer) => (
            <Table.Tr key={peer.ae_title}>
              <Table.Td className="mono">{peer.ae_title}</Table.Td>
              <Table.Td className="mono">
                {peer.host ? (
                  `${peer.host}${peer.port ? `:${peer.port}` : ''}`
                ) : (
                  <span className="dim">any host</span>
                )}
              </Table.Td>
              <Table.Td>
                {peer.receives_results ? (
                  <Badge variant="light" radius="sm" tt="none">
                    receives results
                  </Badge>
                ) : (
                  <span className="dim">sends only</span>
                )}
              </Table.Td>
              <Table.Td>{policyWords(peer)}</Table.Td>
              <Table.Td>
                <RelativeTime at={peer.admitted_at} />
              </Table.Td>
              <Table.Td>
                <EchoTest peer={peer} />
              </Table.Td>
              <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
                {may('peer.write') && (
                  <Tooltip label="Change peer">
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      aria-label={`Change peer ${peer.ae_title}`}
                      onClick={() => onEdit(peer)}
                    >
                      <IconPencil size={16} stroke={1.7} aria-hidden />
                    </ActionIcon>
                  </Tooltip>
                )}
                {may('peer.write') && (
                  <Tooltip label="Remove peer">
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      aria-label={`Remove peer ${peer.ae_title}`}
                      onClick={() => remove(peer)}
                    >
                      <IconTrash size={16} stroke={1.7} aria-hidden />
                    </ActionIcon>
                  </Tooltip>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** How many services a peer has, by name where they are few; and limits of its own. */
function policyWords({ policy }: Peer): string {
  const count = policy.services.length;
  const services = count === servicesInAll ? 'everything' : policy.services.join(', ') || 'verify only';
  const limits = [
    policy.associations_max && `${policy.associations_max} at once`,
    policy.idle_seconds_max && `${policy.idle_seconds_max} s idle`,
    policy.tls && 'TLS',
    policy.commits && 'commits',
    policy.conflicts === 'replace' && 'replaces',
    policy.conflicts === 'refuse' && 'other versions refused',
  ];
  return [services, ...limits.filter(Boolean)].join(' · ');
}

/** C-ECHO to the peer, and what came of it. */
function EchoTest({ peer }: { peer: Peer }) {
  const may = useMay();
  const echo = api.useMutation('post', '/api/v1/peers/{ae_title}/echo');
  if (!peer.host || !peer.port) return <span className="dim">no address to test</span>;
  if (!may('peer.write')) return null;
  return (
    <Group gap="xs" wrap="nowrap">
      <Button
        variant="default"
        size="compact-xs"
        loading={echo.isPending}
        onClick={() => echo.mutate({ params: { path: { ae_title: peer.ae_title } } })}
      >
        Test
      </Button>
      <Group gap={4} wrap="nowrap" role="status">
        {echo.data && <EchoMark ok={echo.data.ok} />}
        <Text size="xs" c="dimmed">
          {echo.data && (echo.data.ok ? `answered in ${durationText(echo.data.ms)}` : echo.data.detail)}
          {echo.isError && asProblem(echo.error).message}
        </Text>
      </Group>
    </Group>
  );
}

/** Whether the peer answered, by shape. */
function EchoMark({ ok }: { ok: boolean }) {
  return ok ? (
    <IconCheck size={14} stroke={2} role="img" aria-label="Answered" />
  ) : (
    <IconAlertTriangle size={14} stroke={2} role="img" aria-label="No answer" />
  );
}
