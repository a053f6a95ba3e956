import { Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

/** What this page will show, and what fills it. */
export function EmptyState({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap="sm" maw={640} mx="auto" py={48}>
      <Title order={2} size="h4">
        {title}
      </Title>
      <Text component="div" c="dimmed" size="md">
        {children}
      </Text>
    </Stack>
  );
}
