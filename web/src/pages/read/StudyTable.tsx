import { Skeleton, Table } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type RefObject, useEffect } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';
import { api } from '../../api/client';
import type { WorklistItem } from '../../api/types';
import { useRowKeys } from '../../frame/useRowKeys';
import { ActionsHead } from '../../parts/ActionsHead';
import { AiStateMark } from '../../parts/AiState';
import { RelativeTime } from '../../parts/RelativeTime';
import { ScoreBar, ScoreNumbers } from '../../parts/Score';
import rows from '../../parts/studyRows.module.css';
import { ageAndSex, personName } from '../../parts/words';
import { addressOf, type WorklistFilters } from './filters';
import { StudyMenu } from './StudyMenu';
import classes from './StudyTable.module.css';

interface StudyTableProps {
  /** Undefined while loading. */
  studies: WorklistItem[] | undefined;
  /** Handed to the viewer, so that "next" follows this list. */
  filters: WorklistFilters;
}

/** Column heads; the class hides what a narrow window has no room for. */
const heads: { name: string; className?: string }[] = [
  { name: 'Patient' },
  { name: 'Age · sex' },
  { name: 'Accession', className: classes.spare },
  { name: 'Study date' },
  { name: 'Description' },
  { name: 'Modality' },
  { name: 'Images', className: `${classes.right} ${classes.spare}` },
  { name: 'AI' },
  { name: 'Top finding' },
  { name: 'Received', className: classes.right },
];

export function StudyTable({ studies, filters }: StudyTableProps) {
  const body = useRowKeys('Worklist', 'study');
  useKeptPlace(body, studies !== undefined);

  return (
    <Table.ScrollContainer minWidth={860} type="native">
      <Table
        className={`${rows.table} ${classes.table}`}
        verticalSpacing={6}
        horizontalSpacing={8}
        aria-label="Studies"
      >
        <Table.Thead>
          <Table.Tr>
            {heads.map(({ name, className }) => (
              <Table.Th key={name} className={className}>
                {name}
              </Table.Th>
            ))}
            <ActionsHead />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody ref={body} aria-busy={studies === undefined}>
          {studies === undefined ? (
            <SkeletonRows />
          ) : (
            studies.map((study) => (
              <StudyRow key={study.study_instance_uid} study={study} filters={filters} />
            ))
          )}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Back from the viewer, the study that was open there has the focus. */
function useKeptPlace(body: RefObject<HTMLTableSectionElement | null>, loaded: boolean): void {
  const { state } = useLocation();
  const opened: unknown = (state as { opened?: unknown } | null)?.opened;
  useEffect(() => {
    if (!loaded || typeof opened !== 'string') return;
    body.current?.querySelector<HTMLElement>(`a[href*="/${CSS.escape(opened)}"]`)?.focus();
  }, [body, loaded, opened]);
}

function StudyRow({ study, filters }: { study: WorklistItem; filters: WorklistFilters }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const uid = study.study_instance_uid;
  const address = { pathname: `/read/${uid}`, search: addressOf(filters).toString() };
  const prefetch = () => {
    const request = { params: { path: { study_instance_uid: uid } } };
    void queries.prefetchQuery(api.queryOptions('get', '/api/v1/studies/{study_instance_uid}', request));
    void import('../study/StudyPage');
  };
  return (
    <Table.Tr className={rows.row} onMouseEnter={prefetch} onClick={() => void navigate(address)}>
      <Table.Td>
        <Link to={address} className={rows.patient} onFocus={prefetch} onClick={(e) => e.stopPropagation()}>
          {personName(study.patient_name)}
        </Link>
        <span className={classes.id}>{study.patient_id}</span>
      </Table.Td>
      <Table.Td className={rows.tight}>{ageAndSex(study)}</Table.Td>
      <Table.Td className={`mono ${rows.tight} ${classes.spare}`}>{study.accession_number ?? '–'}</Table.Td>
      <Table.Td className={`num ${rows.tight}`}>{study.study_date ?? '–'}</Table.Td>
      <Table.Td className={rows.description}>{study.study_description ?? '–'}</Table.Td>
      <Table.Td className={rows.tight}>{study.modalities.join(' ')}</Table.Td>
      <Table.Td className={`num ${classes.right} ${classes.spare}`}>{study.instance_count}</Table.Td>
      <Table.Td className={rows.tight}>
        <AiStateMark state={study.ai_state} />
      </Table.Td>
      <Table.Td className={rows.tight}>
        {study.top_finding && (
          <span className={classes.finding}>
            <span className={classes.meaning}>{study.top_finding.meaning}</span>
            <ScoreNumbers {...study.top_finding} />
            <ScoreBar {...study.top_finding} />
          </span>
        )}
      </Table.Td>
      <Table.Td className={`${classes.right} ${rows.tight}`}>
        <RelativeTime at={study.received_at} />
      </Table.Td>
      {/* A click in the menu is none on the row. */}
      <Table.Td className={rows.tight} onClick={(event) => event.stopPropagation()}>
        <StudyMenu study={study} address={address} />
      </Table.Td>
    </Table.Tr>
  );
}

function SkeletonRows() {
  return Array.from({ length: 8 }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
    <Table.Tr key={row}>
      <Table.Td colSpan={heads.length + 1}>
        <Skeleton height={14} width={`${92 - ((row * 17) % 30)}%`} />
      </Table.Td>
    </Table.Tr>
  ));
}
