/** Studies that no order fits, or that contradict what is known of their patient; what a person decides about them. */
import { Drawer, SegmentedControl, Skeleton, Table } from '@mantine/core';
import { Link, useSearchParams } from 'react-router';
import { api } from '../../api/client';
import type { UnmatchedStudy } from '../../api/types';
import { Page } from '../../frame/Page';
import { useRowKeys } from '../../frame/useRowKeys';
import { EmptyState } from '../../parts/EmptyState';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { RelativeTime } from '../../parts/RelativeTime';
import rows from '../../parts/studyRows.module.css';
import { personName, sentence } from '../../parts/words';
import { MatchDetailView } from './MatchDetailView';
import { MatchMark } from './matchWords';

export function UnmatchedPage() {
  const [parameters, setParameters] = useSearchParams();
  const decided = parameters.get('decided') === 'true';
  const shown = parameters.get('study') ?? undefined;
  const queue = api.useQuery('get', '/api/v1/unmatched', { params: { query: { decided } } });
  const items = queue.data?.items;
  const close = () => setParameters(decided ? { decided: 'true' } : {});

  return (
    <Page
      title="Unmatched studies"
      purpose="Which order they belong to, and whose they are."
      action={
        <SegmentedControl
          size="xs"
          aria-label="Which studies"
          value={decided ? 'decided' : 'open'}
          onChange={(value) => setParameters(value === 'decided' ? { decided: 'true' } : {})}
          data={[
            { value: 'open', label: 'To decide' },
            { value: 'decided', label: 'Decided' },
          ]}
        />
      }
    >
      {queue.isPending && <Skeleton height={160} />}
      {queue.isError && <ProblemNotice error={queue.error} onRetry={() => void queue.refetch()} />}
      {items?.length === 0 && (decided ? <NothingDecided /> : <NothingWaits />)}
      {items && items.length > 0 && <QueueTable studies={items} decided={decided} />}
      <Drawer
        opened={shown !== undefined}
        onClose={close}
        position="right"
        size={760}
        title="Study, order, patient"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {shown && <MatchDetailView study={shown} onDecided={close} />}
      </Drawer>
    </Page>
  );
}

function NothingWaits() {
  return (
    <EmptyState title="Nothing waits for a decision">
      Once orders arrive here (<code>lightbox order import</code>, or the API), each new study is compared
      with them by accession number and patient. A study that fits none waits here with the reason, and so
      does one whose patient is known with another name, birth date or sex.
    </EmptyState>
  );
}

function NothingDecided() {
  return (
    <EmptyState title="Nobody decided anything yet">
      Studies that a person linked to an order, or said to need none, stand here, and each decision can be
      taken back.
    </EmptyState>
  );
}

const heads = ['Patient', 'ID', 'Accession', 'Date', 'Modality', 'State', 'Why', 'Since'];

function QueueTable({ studies, decided }: { studies: UnmatchedStudy[]; decided: boolean }) {
  const body = useRowKeys('Unmatched studies', 'study');
  return (
    <Table.ScrollContainer minWidth={860} type="native">
      <Table aria-label="Unmatched studies" className={rows.table} verticalSpacing={6} horizontalSpacing={8}>
        <Table.Thead>
          <Table.Tr>
            {heads.map((head) => (
              <Table.Th key={head}>{head}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody ref={body}>
          {studies.map((one) => (
            <QueueRow key={one.study.study_instance_uid} one={one} decided={decided} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function QueueRow({ one, decided }: { one: UnmatchedStudy; decided: boolean }) {
  const { study, match } = one;
  const address = { study: study.study_instance_uid, ...(decided ? { decided: 'true' } : {}) };
  const why = decided ? `${match.reason}, ${match.decided_by}` : match.reason;
  return (
    <Table.Tr>
      <Table.Td className={rows.tight}>
        <Link to={{ search: new URLSearchParams(address).toString() }} className={rows.patient}>
          {personName(study.patient_name)}
        </Link>
      </Table.Td>
      <Table.Td className={`mono ${rows.tight}`}>{study.patient_id || '–'}</Table.Td>
      <Table.Td className={`mono ${rows.tight}`}>{study.accession_number ?? '–'}</Table.Td>
      <Table.Td className={`num ${rows.tight}`}>{study.study_date ?? '–'}</Table.Td>
      <Table.Td className={rows.tight}>{study.modalities.join(' ') || '–'}</Table.Td>
      <Table.Td>
        <MatchMark match={match} />
      </Table.Td>
      <Table.Td>{sentence(why)}</Table.Td>
      <Table.Td className={rows.tight}>
        <RelativeTime at={match.decided_at} />
      </Table.Td>
    </Table.Tr>
  );
}
