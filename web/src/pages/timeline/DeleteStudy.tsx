import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconTrash } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import { notifyProblem, notifyUndo } from '../../parts/notify';
import { ProblemNotice } from '../../parts/ProblemNotice';

/** The server's longest reason. */
const reasonCharactersMax = 200;

/** Deletes the study, with a reason, and offers the way back. */
export function DeleteStudy({ study }: { study: string }) {
  const may = useMay();
  const [opened, form] = useDisclosure(false);
  if (!may('study.delete')) return null;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconTrash size={14} stroke={1.8} aria-hidden />}
        onClick={form.open}
      >
        Delete…
      </Button>
      <Modal
        opened={opened}
        onClose={form.close}
        title="Delete the study"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <ReasonForm study={study} onLeave={form.close} />
      </Modal>
    </>
  );
}

function ReasonForm({ study, onLeave }: { study: string; onLeave: () => void }) {
  const navigate = useNavigate();
  const [reason, setReason] = useState('');
  const undo = api.useMutation('post', '/api/v1/deletions/{id}/undo', { onError: notifyProblem });
  const remove = api.useMutation('post', '/api/v1/studies/{study_instance_uid}/deletions', {
    onSuccess: ({ id }) => {
      notifyUndo('The study is deleted.', () => undo.mutate({ params: { path: { id } } }));
      return navigate('/studies');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    remove.mutate({ params: { path: { study_instance_uid: study } }, body: { reason: reason.trim() } });
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Why?"
          description="Logged with your name. The study is hidden at once and can be brought back until it is purged."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          maxLength={reasonCharactersMax}
          data-autofocus
        />
        {remove.isError && <ProblemNotice error={remove.error} />}
        <Group gap="sm">
          <Button type="submit" disabled={reason.trim() === ''} loading={remove.isPending}>
            Delete study
          </Button>
          <Button variant="subtle" color="gray" onClick={onLeave}>
            Leave it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
