import { Skeleton, Table } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { Link, useNavigate } from 'react-router';
import { api } from '../../api/client';
import type { WorklistItem } from '../../api/types';
import { useShortcuts } from '../../frame/shortcuts';
import { AiStateMark } from '../../parts/AiState';
import { RelativeTime } from '../../parts/RelativeTime';
import { ScoreBar, ScoreNumbers } from '../../parts/Score';
import { ageAndSex, personName } from '../../parts/words';
import { addressOf, type WorklistFilters } from './filters';
import classes from './StudyTable.module.css';

interface StudyTableProps {
  /** Undefined while loading. */
  studies: WorklistItem[] | undefined;
  /** Handed to the viewer, so that "next" follows this list. */
  filters: WorklistFilters;
}

const heads = ['Patient', 'Age · sex', 'Accession', 'Study date', 'Description', 'Modality', 'Images', 'AI'];

export function StudyTable({ studies, filters }: StudyTableProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (step: number) => {
    const links = [...(body.current?.querySelectorAll('a') ?? [])];
    const current = links.indexOf(document.activeElement as HTMLAnchorElement);
    const next = current === -1 && step < 0 ? links.length - 1 : current + step;
    links[Math.min(links.length - 1, Math.max(0, next))]?.focus();
  };
  useShortcuts('Worklist', [
    { key: 'j', what: 'Next study', run: () => move(1) },
    { key: 'ArrowDown', what: 'Next study', run: () => move(1) },
    { key: 'k', what: 'Previous study', run: () => move(-1) },
    { key: 'ArrowUp', what: 'Previous study', run: () => move(-1) },
    {
      key: 'Enter',
      what: 'Open the study',
      run: () => (document.activeElement as HTMLElement | null)?.click(),
    },
  ]);

  return (
    <Table.ScrollContainer minWidth={860} type="native">
      <Table className={classes.table} verticalSpacing={6} horizontalSpacing={10} aria-label="Studies">
        <Table.Thead>
          <Table.Tr>
            {heads.map((head) => (
              <Table.Th key={head} className={head === 'Images' ? classes.right : undefined}>
                {head}
              </Table.Th>
            ))}
            <Table.Th>Top finding</Table.Th>
            <Table.Th className={classes.right}>Received</Table.Th>
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
    <Table.Tr className={classes.row} onMouseEnter={prefetch} onClick={() => void navigate(address)}>
      <Table.Td>
        <Link
          to={address}
          className={classes.patient}
          onFocus={prefetch}
          onClick={(e) => e.stopPropagation()}
        >
          {personName(study.patient_name)}
        </Link>
        <span className={classes.id}>{study.patient_id}</span>
      </Table.Td>
      <Table.Td className={classes.tight}>{ageAndSex(study.patient_age, study.patient_sex)}</Table.Td>
      <Table.Td className={`mono ${classes.tight}`}>{study.accession_number ?? '–'}</Table.Td>
      <Table.Td className={`num ${classes.tight}`}>{study.study_date ?? '–'}</Table.Td>
      <Table.Td className={classes.description}>{study.study_description ?? '–'}</Table.Td>
      <Table.Td className={classes.tight}>{study.modalities.join(' ')}</Table.Td>
      <Table.Td className={`num ${classes.right}`}>{study.instance_count}</Table.Td>
      <Table.Td className={classes.tight}>
        <AiStateMark state={study.ai_state} />
      </Table.Td>
      <Table.Td className={classes.tight}>
        {study.top_finding && (
          <span className={classes.finding}>
            <ScoreBar {...study.top_finding} />
            <ScoreNumbers {...study.top_finding} />
            <span className={classes.meaning}>{study.top_finding.meaning}</span>
          </span>
        )}
      </Table.Td>
      <Table.Td className={`${classes.right} ${classes.tight}`}>
        <RelativeTime at={study.received_at} />
      </Table.Td>
    </Table.Tr>
  );
}

function SkeletonRows() {
  return Array.from({ length: 8 }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
    <Table.Tr key={row}>
      <Table.Td colSpan={heads.length + 2}>
        <Skeleton height={14} width={`${92 - ((row * 17) % 30)}%`} />
      </Table.Td>
    </Table.Tr>
  ));
}
