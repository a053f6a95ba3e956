/** How full the archive is, what it does now, and what waits. */
import { Badge, Group, Paper, Progress, SimpleGrid, Skeleton, Table, Text, Title } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { api } from '../../api/client';
import type { Activity } from '../../api/types';
import { Page } from '../../frame/Page';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { RelativeTime } from '../../parts/RelativeTime';
import { bytesText, countText } from '../../parts/words';
import { jobWords } from './jobs';

/** Associations and jobs come and go without an event. */
const askAgainMs = 3000;

export function SystemPage() {
  const activity = api.useQuery('get', '/api/v1/system/activity', {}, { refetchInterval: askAgainMs });
  const system = api.useQuery('get', '/api/v1/system');
  const version = system.data && `Lightbox ${system.data.version}.`;

  return (
    <Page title="System" purpose={<>Disk, jobs and associations now. {version}</>}>
      {activity.isPending && <Skeleton height={240} />}
      {activity.isError && <ProblemNotice error={activity.error} onRetry={() => void activity.refetch()} />}
      {activity.data && (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Disk activity={activity.data} />
          <Volume activity={activity.data} />
          <Jobs activity={activity.data} />
          <Associations activity={activity.data} />
        </SimpleGrid>
      )}
    </Page>
  );
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper component="section" aria-label={title} withBorder p="md">
      <Title order={2} size="h5" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function Disk({ activity }: { activity: Activity }) {
  const { disk_bytes, disk_free_bytes, disk_free_bytes_min } = activity;
  const used = disk_bytes - disk_free_bytes;
  const full = disk_free_bytes < disk_free_bytes_min;
  return (
    <Card title="Disk">
      <Progress
        value={(100 * used) / Math.max(1, disk_bytes)}
        color={full ? 'var(--lb-failed)' : undefined}
        aria-label="Used part of the disk"
        mb="xs"
      />
      <Text size="sm" className="num">
        {bytesText(disk_free_bytes)} of {bytesText(disk_bytes)} free
      </Text>
      <Text size="sm" c="dimmed">
        {full ? (
          <Warning>Nothing is taken until {bytesText(disk_free_bytes_min)} are free.</Warning>
        ) : (
          `Nothing more is taken once less than ${bytesText(disk_free_bytes_min)} are free.`
        )}
      </Text>
    </Card>
  );
}

function Warning({ children }: { children: ReactNode }) {
  return (
    <Group gap={6} component="span" wrap="nowrap" style={{ color: 'var(--lb-failed)' }}>
      <IconAlertTriangle size={16} stroke={1.8} aria-hidden />
      <span>{children}</span>
    </Group>
  );
}

function Volume({ activity }: { activity: Activity }) {
  const { studies, instances, instance_bytes, saved_bytes, archive_bytes_max } = activity;
  return (
    <Card title="Archive">
      {archive_bytes_max != null && (
        <Progress
          value={(100 * instance_bytes) / Math.max(1, archive_bytes_max)}
          aria-label="Used part of what the site keeps"
          mb="xs"
        />
      )}
      <Text size="sm" className="num">
        {countText(studies, 'study', 'studies')}, {countText(instances, 'instance')},{' '}
        {bytesText(instance_bytes)}
      </Text>
      {saved_bytes > 0 && (
        <Text size="sm" className="num">
          {bytesText(saved_bytes)} saved by compression
        </Text>
      )}
      <Text size="sm" c="dimmed">
        {archive_bytes_max == null
          ? 'Only the disk bounds it.'
          : `At most ${bytesText(archive_bytes_max)} are kept.`}
      </Text>
    </Card>
  );
}

function Jobs({ activity: { jobs } }: { activity: Activity }) {
  const busy = jobs.filter(({ waiting, given_up }) => waiting + given_up > 0);
  return (
    <Card title="Jobs">
      {busy.length === 0 ? (
        <Text size="sm" c="dimmed">
          Nothing waits.
        </Text>
      ) : (
        <Table aria-label="Jobs that wait" fz="sm" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>What</Table.Th>
              <Table.Th ta="right">Waiting</Table.Th>
              <Table.Th ta="right">Given up</Table.Th>
              <Table.Th>Next</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {busy.map(({ kind, waiting, given_up, due_at }) => (
              <Table.Tr key={kind}>
                <Table.Td>{jobWords(kind)}</Table.Td>
                <Table.Td ta="right" className="num">
                  {waiting}
                </Table.Td>
                <Table.Td ta="right" className="num">
                  {given_up > 0 ? <Warning>{given_up}</Warning> : given_up}
                </Table.Td>
                <Table.Td>{due_at ? <Due at={due_at} /> : '–'}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Card>
  );
}

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** When a job is to be done: in the future its date, else for how long it has been due. */
function Due({ at }: { at: string }) {
  const time = Date.parse(at);
  if (time > Date.now()) return <span className="num">{moment.format(time)}</span>;
  return <RelativeTime at={at} />;
}

function Associations({ activity: { associations, associations_max } }: { activity: Activity }) {
  const open = associations.reduce((sum, { count }) => sum + count, 0);
  return (
    <Card title="Associations">
      <Text size="sm" className="num" mb="xs">
        {open} of at most {associations_max} are open
      </Text>
      <Group
        gap="xs"
        component="ul"
        p={0}
        m={0}
        style={{ listStyle: 'none' }}
        aria-label="Peers that call now"
      >
        {associations.map(({ ae_title, count }) => (
          <Badge key={ae_title} component="li" variant="default" radius="sm" tt="none" className="mono">
            {ae_title} {count > 1 && `× ${count}`}
          </Badge>
        ))}
      </Group>
    </Card>
  );
}
