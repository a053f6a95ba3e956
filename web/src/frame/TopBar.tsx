import { ActionIcon, Group, Kbd, Text, Tooltip, UnstyledButton } from '@mantine/core';
import { spotlight } from '@mantine/spotlight';
import { IconKeyboard, IconSearch } from '@tabler/icons-react';
import { Link } from 'react-router';
import { api } from '../api/client';
import { AccountMenu } from './AccountMenu';
import classes from './Frame.module.css';
import { SchemeToggle } from './SchemeToggle';

/** Whether changes on the server reach this page by themselves. */
function LiveMark({ live }: { live: boolean }) {
  return (
    <Tooltip label={live ? 'This page follows the server' : 'The live stream is interrupted; reconnecting'}>
      <span className={classes.live} data-live={live} role="status">
        <span className={classes.dot} aria-hidden />
        {live ? 'live' : 'reconnecting'}
      </span>
    </Tooltip>
  );
}

function SearchButton() {
  return (
    <UnstyledButton className={classes.search} onClick={spotlight.open}>
      <IconSearch size={15} stroke={1.8} aria-hidden />
      <span className={classes.searchText}>Search</span>
      <Kbd size="xs">⌘K</Kbd>
    </UnstyledButton>
  );
}

export function TopBar({ live, onHelp }: { live: boolean; onHelp: () => void }) {
  const { data: system } = api.useQuery('get', '/api/v1/system');
  return (
    <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="md">
      <Group gap="sm" wrap="nowrap">
        <Link to="/read" className={classes.brand}>
          <img src="/icon.svg" alt="" width={22} height={22} />
          Lightbox
        </Link>
        <Text size="sm" c="dimmed" truncate maw={220}>
          {system?.site}
        </Text>
      </Group>
      <SearchButton />
      <Group gap={4} wrap="nowrap">
        <LiveMark live={live} />
        <Tooltip label="Keyboard shortcuts (?)">
          <ActionIcon variant="subtle" color="gray" aria-label="Keyboard shortcuts" onClick={onHelp}>
            <IconKeyboard size={18} stroke={1.6} aria-hidden />
          </ActionIcon>
        </Tooltip>
        <SchemeToggle />
        <AccountMenu />
      </Group>
    </Group>
  );
}
