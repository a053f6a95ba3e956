/** What a person decides about a study, and the way back. */
import { Button, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Order, OrderMatch } from '../../api/types';
import { notifyDone, notifyProblem, notifyUndo } from '../../parts/notify';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { ReasonField } from '../../parts/ReasonField';

interface DecisionProps {
  study: string;
  match: OrderMatch | null | undefined;
  order: Order | undefined;
  onDecided: () => void;
}

export function Decision({ study, match, order, onDecided }: DecisionProps) {
  const undo = useUndo();
  if (match?.by_person) {
    const takeBack = () =>
      undo.mutate(
        { params: { path: { study_instance_uid: study } } },
        { onSuccess: () => notifyDone('It is taken back; the study is matched anew.') },
      );
    return (
      <Group gap="sm">
        <Text size="sm">Decided by {match.decided_by}.</Text>
        <Button
          size="xs"
          variant="default"
          loading={undo.isPending}
          onClick={() => {
            takeBack();
            onDecided();
          }}
        >
          Take it back
        </Button>
      </Group>
    );
  }
  return <DecisionForm study={study} isQueued={isQueued(match)} order={order} onDecided={onDecided} />;
}

function isQueued(match: OrderMatch | null | undefined): boolean {
  return match != null && ['suggested', 'unmatched', 'contradicts'].includes(match.state);
}

function useUndo() {
  return api.useMutation('post', '/api/v1/studies/{study_instance_uid}/order/undo', {
    onError: notifyProblem,
  });
}

interface DecisionFormProps {
  study: string;
  isQueued: boolean;
  order: Order | undefined;
  onDecided: () => void;
}

function DecisionForm({ study, isQueued, order, onDecided }: DecisionFormProps) {
  const [reason, setReason] = useState('');
  const undo = useUndo();
  const params = { path: { study_instance_uid: study } };
  const decided = (message: string) => () => {
    notifyUndo(message, () => undo.mutate({ params }));
    onDecided();
  };
  const link = api.useMutation('post', '/api/v1/studies/{study_instance_uid}/order/link', {
    onSuccess: decided('The study is linked to the order.'),
  });
  const dismiss = api.useMutation('post', '/api/v1/studies/{study_instance_uid}/order/dismiss', {
    onSuccess: decided('The study needs no order.'),
  });
  const body = { reason: reason.trim() };
  const isReady = body.reason !== '';
  return (
    <Stack gap="sm">
      <ReasonField
        value={reason}
        onChange={setReason}
        description="Logged with your name. A link corrects the marked attributes wherever the study goes; stored images stay as they are."
      />
      {(link.error ?? dismiss.error) != null && <ProblemNotice error={link.error ?? dismiss.error} />}
      <Group gap="sm">
        <Button
          size="xs"
          disabled={!isReady || !order || order.state === 'canceled'}
          loading={link.isPending}
          onClick={() => order && link.mutate({ params, body: { ...body, order_id: order.id } })}
        >
          Link to this order
        </Button>
        {isQueued && (
          <Button
            size="xs"
            variant="default"
            disabled={!isReady}
            loading={dismiss.isPending}
            onClick={() => dismiss.mutate({ params, body })}
          >
            No order needed
          </Button>
        )}
      </Group>
    </Stack>
  );
}
