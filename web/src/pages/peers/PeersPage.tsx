/** Who may send to this server, who asks to, and where results go. */
import { Button, Drawer, Skeleton, Stack, Title } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Peer } from '../../api/types';
import { Page } from '../../frame/Page';
import { EmptyState } from '../../parts/EmptyState';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { PeerForm } from './PeerForm';
import { PeerTable } from './PeerTable';
import { PendingPeerTable } from './PendingPeerTable';

/** What the drawer shows: a peer to change, or a form for a new one. */
interface Opened {
  peer?: Peer;
}

export function PeersPage() {
  const may = useMay();
  const [opened, setOpened] = useState<Opened>();
  const close = () => setOpened(undefined);
  const peers = api.useQuery('get', '/api/v1/peers');
  const add = may('peer.write') && (
    <Button
      size="xs"
      leftSection={<IconPlus size={14} stroke={1.8} aria-hidden />}
      onClick={() => setOpened({})}
    >
      Add peer
    </Button>
  );

  return (
    <Page title="Peers" purpose="Who may send studies, and where results go." action={add}>
      {peers.isPending && <Skeleton height={120} />}
      {peers.isError && <ProblemNotice error={peers.error} onRetry={() => void peers.refetch()} />}
      {peers.data && (
        <Stack gap="xl">
          {peers.data.pending.length > 0 && (
            <section aria-labelledby="pending-peers">
              <Title order={2} size="h5" mb="xs" id="pending-peers">
                Pending peers
              </Title>
              <PendingPeerTable pending={peers.data.pending} />
            </section>
          )}
          {peers.data.peers.length > 0 ? (
            <section aria-labelledby="admitted-peers">
              <Title order={2} size="h5" mb="xs" id="admitted-peers">
                Admitted peers
              </Title>
              <PeerTable peers={peers.data.peers} onEdit={(peer) => setOpened({ peer })} />
            </section>
          ) : (
            <EmptyState title="No peer is admitted yet">
              Modalities, PACS and scripts that send DICOM are peers, known by their AE title. When one that
              is not admitted calls, it is turned away and waits here as a pending peer; one click admits it.
            </EmptyState>
          )}
        </Stack>
      )}
      <Drawer
        opened={opened !== undefined}
        onClose={close}
        position="right"
        title={opened?.peer ? `Peer ${opened.peer.ae_title}` : 'Add peer'}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <PeerForm peer={opened?.peer} onSaved={close} />
      </Drawer>
    </Page>
  );
}
