/** What happened to one study, step by step, and having a step done again. */
import { Button, Group, Skeleton, Switch, Text } from '@mantine/core';
import { IconExternalLink, IconEye, IconPencil } from '@tabler/icons-react';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Timeline } from '../../api/types';
import { Page } from '../../frame/Page';
import { AiStateMark } from '../../parts/AiState';
import { ohifAddress } from '../../parts/ohif';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { correctionsAddress } from '../../parts/timeline';
import { Uid } from '../../parts/Uid';
import { ageAndSex, countText, personName } from '../../parts/words';
import { DeleteStudy } from './DeleteStudy';
import { StepList } from './StepList';

/** While something waits, its next attempt is no event; so the page asks by itself. */
const askAgainMs = 5000;

export function TimelinePage() {
  const { study = '' } = useParams();
  const request = { params: { path: { study_instance_uid: study } } };
  const timeline = api.useQuery('get', '/api/v1/studies/{study_instance_uid}/timeline', request, {
    refetchInterval: (query: { state: { data?: Timeline | undefined } }) =>
      query.state.data?.steps.some(({ outcome }) => outcome === 'waiting') ? askAgainMs : false,
  });
  const of = timeline.data && `of ${personName(timeline.data.study.patient_name)}, oldest first.`;

  return (
    <Page title="Study timeline" purpose={of} action={<Ways study={study} />}>
      {timeline.isPending && <Skeleton height={320} />}
      {timeline.isError && <ProblemNotice error={timeline.error} onRetry={() => void timeline.refetch()} />}
      {timeline.data && (
        <>
          <Identity timeline={timeline.data} />
          <Steps timeline={timeline.data} />
        </>
      )}
    </Page>
  );
}

/** Where else to look at the study. */
function Ways({ study }: { study: string }) {
  return (
    <Group gap="xs" wrap="nowrap">
      <Button
        component={Link}
        to={`/read/${encodeURIComponent(study)}`}
        size="xs"
        variant="default"
        leftSection={<IconEye size={14} stroke={1.8} aria-hidden />}
      >
        Read
      </Button>
      <Button
        component="a"
        href={ohifAddress(study)}
        target="_blank"
        rel="noreferrer"
        size="xs"
        variant="default"
        leftSection={<IconExternalLink size={14} stroke={1.8} aria-hidden />}
      >
        OHIF
      </Button>
      <CorrectLink study={study} />
      <DeleteStudy study={study} />
    </Group>
  );
}

function CorrectLink({ study }: { study: string }) {
  const may = useMay();
  if (!may('study.correct')) return null;
  return (
    <Button
      component={Link}
      to={correctionsAddress(study)}
      size="xs"
      variant="default"
      leftSection={<IconPencil size={14} stroke={1.8} aria-hidden />}
    >
      Correct
    </Button>
  );
}

function Identity({ timeline: { study } }: { timeline: Timeline }) {
  const exam = [
    study.patient_id,
    ageAndSex(study),
    study.modalities.join(' '),
    study.study_description,
    study.study_date,
    study.accession_number && `accession ${study.accession_number}`,
    `${countText(study.series_count, 'series', 'series')}, ${countText(study.instance_count, 'instance')}`,
  ];
  return (
    <Group gap="md" mb="md">
      <Text size="sm">{exam.filter(Boolean).join(' · ')}</Text>
      <Uid value={study.study_instance_uid} label="study UID" />
      <AiStateMark state={study.ai_state} />
    </Group>
  );
}

function Steps({ timeline }: { timeline: Timeline }) {
  const [onlyProblems, setOnlyProblems] = useState(false);
  const problems = timeline.steps.filter(({ outcome }) => outcome === 'problem');
  return (
    <>
      <Switch
        size="xs"
        mb="sm"
        label={`Only what went wrong (${problems.length})`}
        checked={onlyProblems}
        disabled={problems.length === 0 && !onlyProblems}
        onChange={(event) => setOnlyProblems(event.currentTarget.checked)}
      />
      {timeline.truncated && (
        <Text size="sm" c="dimmed" mb="sm">
          The log has more lines than are told here; the oldest are left out.
        </Text>
      )}
      <StepList study={timeline.study.study_instance_uid} steps={onlyProblems ? problems : timeline.steps} />
    </>
  );
}
