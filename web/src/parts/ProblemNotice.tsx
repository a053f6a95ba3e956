import { Alert, Button, Group, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { advice, asProblem } from '../api/problem';
import { Uid } from './Uid';

interface ProblemNoticeProps {
  error: unknown;
  /** Offers "Try again". */
  onRetry?: () => void;
}

/** What went wrong, why, what to do, and an id to quote. */
export function ProblemNotice({ error, onRetry }: ProblemNoticeProps) {
  const problem = asProblem(error);
  return (
    <Alert
      role="alert"
      variant="outline"
      color="gray"
      icon={<IconAlertTriangle color="var(--lb-failed)" aria-hidden />}
      title={problem.title}
    >
      {problem.detail && <Text size="sm">{problem.detail}</Text>}
      <Text size="sm" c="dimmed">
        {advice(problem)}
      </Text>
      {(problem.id || onRetry) && (
        <Group gap="sm" mt="xs">
          {onRetry && (
            <Button size="compact-sm" variant="default" onClick={onRetry}>
              Try again
            </Button>
          )}
          {problem.id && (
            <Text size="xs" c="dimmed">
              id <Uid value={problem.id} label="problem id" />
            </Text>
          )}
        </Group>
      )}
    </Alert>
  );
}
