import { ActionIcon, Group, Text, Tooltip } from '@mantine/core';
import {
  IconArrowLeft,
  IconChevronLeft,
  IconChevronRight,
  IconExternalLink,
  IconFileZip,
  IconPencil,
  IconTimeline,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useMay } from '../../api/session';
import type { WorklistItem } from '../../api/types';
import { ohifAddress } from '../../parts/ohif';
import { correctionsAddress, timelineAddress } from '../../parts/timeline';
import { ageText, personName, sexWord } from '../../parts/words';
import classes from './StudyHeader.module.css';
import { useNeighbours, useWorklistAddress } from './useNeighbours';

interface StudyHeaderProps {
  study: WorklistItem;
  /** What of it has not come that its modality lists, in words. */
  incomplete: string | null | undefined;
  /** The tools. */
  children: ReactNode;
}

/** Whose study this is, the way to the next one, and the tools. */
export function StudyHeader({ study, incomplete, children }: StudyHeaderProps) {
  const [worklist, options] = useWorklistAddress();
  const born = study.patient_birth_date && `born ${study.patient_birth_date}`;
  const person = [ageText(study), sexWord(study.patient_sex), born].filter(Boolean).join(' · ');
  const exam = [
    study.study_description,
    study.modalities.join(' '),
    [study.study_date, study.study_time?.slice(0, 5)].filter(Boolean).join(' '),
    study.accession_number && `accession ${study.accession_number}`,
  ];
  return (
    <header className={classes.header}>
      <Tooltip label="Back to the worklist (Esc)">
        <ActionIcon
          component={Link}
          to={worklist}
          state={options.state}
          variant="subtle"
          color="gray"
          aria-label="Back to the worklist"
        >
          <IconArrowLeft size={18} stroke={1.8} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <div className={classes.identity}>
        <Group gap="xs" wrap="nowrap" align="baseline">
          <h1 className={classes.name}>{personName(study.patient_name)}</h1>
          <span className="mono dim">{study.patient_id}</span>
          <Text size="sm" className={classes.line}>
            {person}
          </Text>
        </Group>
        <Text size="sm" c="dimmed" className={classes.line}>
          {exam.filter(Boolean).join(' · ')}
          {incomplete && (
            <Text span inherit c="var(--lb-failed)">
              {' · '}incomplete: {incomplete}
            </Text>
          )}
        </Text>
      </div>
      {children}
      <Tooltip label="What happened to this study">
        <ActionIcon
          component={Link}
          to={timelineAddress(study.study_instance_uid)}
          variant="subtle"
          color="gray"
          aria-label="Timeline"
        >
          <IconTimeline size={18} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <CorrectLink study={study.study_instance_uid} />
      <Tooltip label="Take along as a zip archive">
        <ActionIcon
          component="a"
          href={`/api/v1/studies/${study.study_instance_uid}/export`}
          download
          variant="subtle"
          color="gray"
          aria-label="Export"
        >
          <IconFileZip size={18} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Open in OHIF, in a new tab">
        <ActionIcon
          component="a"
          href={ohifAddress(study.study_instance_uid)}
          target="_blank"
          rel="noreferrer"
          variant="subtle"
          color="gray"
          aria-label="Open in OHIF"
        >
          <IconExternalLink size={18} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <StudyPager />
    </header>
  );
}

function CorrectLink({ study }: { study: string }) {
  const may = useMay();
  if (!may('study.correct')) return null;
  return (
    <Tooltip label="Correct what is said of this study">
      <ActionIcon
        component={Link}
        to={correctionsAddress(study)}
        variant="subtle"
        color="gray"
        aria-label="Correct"
      >
        <IconPencil size={18} stroke={1.7} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}

function StudyPager() {
  const { previous, next, position, total } = useNeighbours();
  if (position === undefined) return null;
  return (
    <Group component="nav" aria-label="Studies of the worklist" gap={2} wrap="nowrap">
      <PagerLink to={previous} label="Previous study" hint="k">
        <IconChevronLeft size={18} stroke={1.8} aria-hidden />
      </PagerLink>
      <span className={`num dim ${classes.position}`}>
        {position} of {total}
      </span>
      <PagerLink to={next} label="Next study" hint="j">
        <IconChevronRight size={18} stroke={1.8} aria-hidden />
      </PagerLink>
    </Group>
  );
}

interface PagerLinkProps {
  to: string | undefined;
  label: string;
  hint: string;
  children: ReactNode;
}

function PagerLink({ to, label, hint, children }: PagerLinkProps) {
  if (to === undefined) {
    return (
      <ActionIcon variant="subtle" color="gray" disabled aria-label={label}>
        {children}
      </ActionIcon>
    );
  }
  return (
    <Tooltip label={`${label} (${hint})`}>
      <ActionIcon component={Link} to={to} variant="subtle" color="gray" aria-label={label}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
