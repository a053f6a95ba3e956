/** Short notes at the corner of the page: what happened, and a way back. */
import { Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { advice, asProblem } from '../api/problem';

const closeButtonProps = { 'aria-label': 'Dismiss' };

export function notifyDone(message: string): void {
  notifications.show({ message, autoClose: 5000, closeButtonProps });
}

/** For mutations whose own place on the page cannot show the problem. */
export function notifyProblem(error: unknown): void {
  const problem = asProblem(error);
  const id = problem.id ? ` (id ${problem.id})` : '';
  notifications.show({
    title: problem.title,
    message: [problem.detail, advice(problem) + id].filter(Boolean).join(' '),
    color: 'pink',
    autoClose: 12_000,
    closeButtonProps,
  });
}

/** Says what was done and offers to undo it for as long as the note stands. */
export function notifyUndo(message: string, undo: () => void): void {
  const id = notifications.show({
    autoClose: 10_000,
    closeButtonProps,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{message}</Text>
        <Button
          size="compact-sm"
          variant="light"
          onClick={() => {
            notifications.hide(id);
            undo();
          }}
        >
          Undo
        </Button>
      </Group>
    ),
  });
}
