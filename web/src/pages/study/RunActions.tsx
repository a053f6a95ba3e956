/** What a person may do about a run that did not finish. */
import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Run } from '../../api/types';
import { notifyProblem } from '../../parts/notify';
import { ProblemNotice } from '../../parts/ProblemNotice';

const reasonCharactersMin = 3;

function useRefresh(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['get', '/api/v1/studies/{study_instance_uid}'] });
}

/** Runs the app again although it refused; the reason is printed on every result. */
export function OverrideForm({ run, runs }: { run: Run; runs: Run[] }) {
  const may = useMay();
  const refresh = useRefresh();
  const [opened, setOpened] = useState(false);
  const [reason, setReason] = useState('');
  const override = api.useMutation('post', '/api/v1/runs/{id}/override', { onSuccess: refresh });

  const done = runs.some(
    (other) =>
      other.override &&
      other.deployment_id === run.deployment_id &&
      other.sop_instance_uid === run.sop_instance_uid,
  );
  if (done || run.superseded_by || !may('run.override')) return null;
  if (!opened) {
    return (
      <div>
        <Button variant="default" size="compact-md" onClick={() => setOpened(true)}>
          Run anyway…
        </Button>
      </div>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    override.mutate({ params: { path: { id: run.id } }, body: { reason: reason.trim() } });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Textarea
          label="Why should it run outside its intended use?"
          description="Logged with your name, and printed on every result."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          autosize
          minRows={2}
          data-autofocus
          autoFocus
        />
        {override.isError && <ProblemNotice error={override.error} />}
        <Group gap="xs">
          <Button
            type="submit"
            size="compact-md"
            disabled={reason.trim().length < reasonCharactersMin}
            loading={override.isPending}
          >
            Run outside intended use
          </Button>
          <Button variant="subtle" color="gray" size="compact-md" onClick={() => setOpened(false)}>
            Leave it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function RetryButton({ run }: { run: Run }) {
  const may = useMay();
  const refresh = useRefresh();
  const retry = api.useMutation('post', '/api/v1/runs/{id}/retry', {
    onSuccess: refresh,
    onError: notifyProblem,
  });
  return (
    <Group gap="sm">
      {may('run.retry') && (
        <Button
          variant="default"
          size="compact-md"
          loading={retry.isPending}
          onClick={() => retry.mutate({ params: { path: { id: run.id } } })}
        >
          Retry
        </Button>
      )}
      <Text size="xs" c="dimmed">
        {run.attempts} {run.attempts === 1 ? 'attempt' : 'attempts'} so far
      </Text>
    </Group>
  );
}
