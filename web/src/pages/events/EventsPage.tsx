/** The log: who did what to which object, when, with what outcome. */
import { Button, Group, Skeleton, Table } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import type { LogEvent } from '../../api/types';
import { Page } from '../../frame/Page';
import { EmptyState } from '../../parts/EmptyState';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { RelativeTime } from '../../parts/RelativeTime';
import { Uid } from '../../parts/Uid';

const pageSize = 100;

export function EventsPage() {
  const [before, setBefore] = useState<number>();
  const query = { limit: pageSize, ...(before !== undefined && { before_seq: before }) };
  const events = api.useQuery(
    'get',
    '/api/v1/events',
    { params: { query } },
    { placeholderData: keepPreviousData },
  );
  const items = events.data?.items ?? [];
  const last = items.at(-1);

  return (
    <Page title="Event log" purpose="Who did what to which object, newest first.">
      {events.isPending && <Skeleton height={240} />}
      {events.isError && <ProblemNotice error={events.error} onRetry={() => void events.refetch()} />}
      {events.data && items.length === 0 && (
        <EmptyState title="Nothing has happened yet">
          Each sign-in, received image, run, override and change will be one line here; lines are never
          changed.
        </EmptyState>
      )}
      {items.length > 0 && <EventTable events={items} />}
      <Group justify="flex-end" mt="sm">
        {before !== undefined && (
          <Button variant="default" size="compact-sm" onClick={() => setBefore(undefined)}>
            Newest
          </Button>
        )}
        {items.length === pageSize && (
          <Button variant="default" size="compact-sm" onClick={() => setBefore(last?.seq)}>
            Older
          </Button>
        )}
      </Group>
    </Page>
  );
}

function EventTable({ events }: { events: LogEvent[] }) {
  return (
    <Table.ScrollContainer minWidth={800} type="native">
      <Table aria-label="Events" verticalSpacing={4} fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th ta="right">No.</Table.Th>
            <Table.Th>When</Table.Th>
            <Table.Th>Who</Table.Th>
            <Table.Th>Did</Table.Th>
            <Table.Th>To</Table.Th>
            <Table.Th>Outcome</Table.Th>
            <Table.Th>Detail</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {events.map((event) => (
            <Table.Tr key={event.seq}>
              <Table.Td ta="right" className="mono dim">
                {event.seq}
              </Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                <RelativeTime at={event.at} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                <Actor name={event.actor} />
              </Table.Td>
              <Table.Td className="mono">{event.action}</Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                {event.object_kind} <Uid value={event.object_id} label={event.object_kind} />
              </Table.Td>
              <Table.Td>{event.outcome}</Table.Td>
              <Table.Td c="dimmed">{detailText(event.detail)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** A person, or a kind and an identifier such as `run:01M8…`. */
function Actor({ name }: { name: string }) {
  const [kind, id] = name.split(':', 2);
  if (id === undefined) return name;
  return (
    <>
      {kind} <Uid value={id} label={`${kind}`} />
    </>
  );
}

/** The detail's fields in one line; lists as their length, long values by their end. */
function detailText(detail: string | null | undefined): string {
  if (!detail?.startsWith('{')) return detail ?? '';
  const fields = Object.entries(JSON.parse(detail) as Record<string, unknown>);
  return fields.map(([name, value]) => `${name} ${valueText(value)}`).join(' · ');
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? valueText(value[0]) : String(value.length);
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `…${text.slice(-12)}` : text;
}
