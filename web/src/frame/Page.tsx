import { Group, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import classes from './Page.module.css';

interface PageProps {
  title: string;
  /** One line: what this page is for. */
  purpose: ReactNode;
  /** The primary action, if any. */
  action?: ReactNode;
  children: ReactNode;
}

/** Sets the window's title while mounted. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Lightbox`;
  }, [title]);
}

/** Title, purpose and primary action above one list or one object. */
export function Page({ title, purpose, action, children }: PageProps) {
  useTitle(title);
  return (
    <div className={classes.page}>
      <Group justify="space-between" wrap="nowrap" mb="md">
        <Group gap="sm" align="baseline" wrap="nowrap">
          <Title order={1} size="h3">
            {title}
          </Title>
          <Text size="sm" c="dimmed">
            {purpose}
          </Text>
        </Group>
        {action}
      </Group>
      {children}
    </div>
  );
}
