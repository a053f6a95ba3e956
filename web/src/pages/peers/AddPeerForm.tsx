import { Button, NumberInput, Stack, Switch, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { useAddPeer } from './usePeerChanges';

/** AE titles hold 16 characters at most (PS3.5 §6.2, VR AE). */
const aeTitleCharactersMax = 16;

export function AddPeerForm({ onAdded }: { onAdded: () => void }) {
  const [aeTitle, setAeTitle] = useState('');
  const [host, setHost] = useState('');
  const [port, setPort] = useState<number>();
  const [receives, setReceives] = useState(false);
  const add = useAddPeer(onAdded);
  const addressMissing = receives && (host.trim() === '' || port === undefined);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const address = { host: host.trim() || null, port: port ?? null };
    add.mutate({ body: { ae_title: aeTitle.trim(), ...address, receives_results: receives } });
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
          required
          withAsterisk={false}
          data-autofocus
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
        {add.isError && <ProblemNotice error={add.error} />}
        <Button type="submit" loading={add.isPending} disabled={aeTitle.trim() === '' || addressMissing}>
          Add peer
        </Button>
      </Stack>
    </form>
  );
}
