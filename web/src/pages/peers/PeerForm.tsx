import { Button, NumberInput, Stack, Switch, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Peer, PeerPolicy } from '../../api/types';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { PolicyFields } from './PolicyFields';
import { useSavePeer } from './usePeerChanges';

/** AE titles hold 16 characters at most (PS3.5 §6.2, VR AE). */
const aeTitleCharactersMax = 16;

/** What holds for a peer of which nothing else is said. */
const openPolicy: PeerPolicy = {
  services: ['store', 'find', 'move', 'get', 'commit', 'mpps'],
  associations_max: null,
  idle_seconds_max: null,
  transfer_syntaxes: [],
  tls: false,
  commits: false,
  conflicts: 'keep_first',
};

interface PeerFormProps {
  /** The peer to change; none for a new one. */
  peer?: Peer | undefined;
  onSaved: () => void;
}

/** Who a peer is, where it is, and what it may do here. */
export function PeerForm({ peer, onSaved }: PeerFormProps) {
  const [aeTitle, setAeTitle] = useState(peer?.ae_title ?? '');
  const [host, setHost] = useState(peer?.host ?? '');
  const [port, setPort] = useState(peer?.port ?? undefined);
  const [receives, setReceives] = useState(peer?.receives_results ?? false);
  const [policy, setPolicy] = useState(peer?.policy ?? openPolicy);
  const save = useSavePeer(onSaved);
  const isCalled = receives || policy.tls || policy.commits;
  const addressMissing = isCalled && (host.trim() === '' || port === undefined);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const address = { host: host.trim() || null, port: port ?? null };
    save.mutate({ body: { ae_title: aeTitle.trim(), ...address, receives_results: receives, policy } });
  };

  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="AE title"
          description="As the peer calls itself; upper and lower case differ."
          value={aeTitle}
          onChange={(event) => setAeTitle(event.currentTarget.value)}
          maxLength={aeTitleCharactersMax}
          readOnly={peer !== undefined}
          required
          withAsterisk={false}
          data-autofocus={peer === undefined || undefined}
        />
        <TextInput
          label="Host"
          description="Empty: the peer may call from anywhere."
          value={host}
          onChange={(event) => setHost(event.currentTarget.value)}
        />
        <NumberInput
          label="Port"
          description="Where it listens; needed to test it and to send results."
          value={port ?? ''}
          onChange={(value) => setPort(typeof value === 'number' ? value : undefined)}
          min={1}
          max={65_535}
          allowDecimal={false}
          hideControls
        />
        <Switch
          label="Send AI results to this peer"
          checked={receives}
          onChange={(event) => setReceives(event.currentTarget.checked)}
        />
        <PolicyFields policy={policy} onChange={(some) => setPolicy((now) => ({ ...now, ...some }))} />
        {save.isError && <ProblemNotice error={save.error} />}
        <Button type="submit" loading={save.isPending} disabled={aeTitle.trim() === '' || addressMissing}>
          {peer ? 'Save peer' : 'Add peer'}
        </Button>
      </Stack>
    </form>
  );
}
