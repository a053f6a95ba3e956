import { Badge, Group, Text, Title, Tooltip } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import type { Run, RunMap, StudyDetail } from '../../api/types';
import { AiStateMark, stateOfRun } from '../../parts/AiState';
import { Clearance } from '../../parts/Clearance';
import { RelativeTime } from '../../parts/RelativeTime';
import { durationText, sentence } from '../../parts/words';
import { FindingList } from './FindingList';
import { MapControl } from './MapControl';
import type { MapSettings } from './mapSettings';
import { ResultList } from './ResultList';
import { OverrideForm, RetryButton } from './RunActions';
import classes from './RunCard.module.css';

interface RunCardProps {
  run: Run;
  study: StudyDetail;
  /** The image in the viewport is the one this run read. */
  readShownImage: boolean;
  /** Of this run, when it lies over the image. */
  map: RunMap | undefined;
  mapSettings: MapSettings;
  onMapSettings: (settings: MapSettings) => void;
  onOpenImage: (sopInstanceUid: string) => void;
}

export function RunCard(props: RunCardProps) {
  const { run, study, readShownImage, map, mapSettings, onMapSettings, onOpenImage } = props;
  const positive = run.findings.some((finding) => finding.positive);
  return (
    <section className={classes.card} aria-label={`${run.app_name} ${run.release}`}>
      <Group justify="space-between" wrap="nowrap">
        <AiStateMark state={stateOfRun(run.state, positive)} size={18} />
        <Badge variant="default" radius="sm" tt="none" fw={500}>
          {run.mode}
        </Badge>
      </Group>
      <RunTitle run={run} />
      <Clearance clearance={run.clearance} intendedUse={run.intended_use} />
      {run.override && <OverrideNote override={run.override} />}
      {run.reason && (
        <Text size="sm" className={classes.reason} data-state={run.state}>
          {sentence(run.reason)}
        </Text>
      )}
      {run.superseded_by && (
        <Text size="sm" c="dimmed">
          Superseded by a later run.
        </Text>
      )}
      {run.state === 'rejected' && <OverrideForm run={run} runs={study.runs} />}
      {run.state === 'failed' && <RetryButton run={run} />}
      {run.findings.length > 0 && <FindingList findings={run.findings} />}
      <MapControl
        run={run}
        readShownImage={readShownImage}
        map={map}
        settings={mapSettings}
        onSettings={onMapSettings}
        onOpenImage={onOpenImage}
      />
      <ResultList run={run} series={study.series} onOpenImage={onOpenImage} />
    </section>
  );
}

function RunTitle({ run }: { run: Run }) {
  const timing = [
    run.model_ms != null && `model ${durationText(run.model_ms)}`,
    run.turnaround_ms != null && `result after ${durationText(run.turnaround_ms)}`,
  ];
  return (
    <div>
      <Group gap={6} wrap="nowrap">
        <Title order={3} size="h6">
          {run.app_name} <span className="dim">{run.release}</span>
        </Title>
        <Tooltip label={`Intended use: ${run.intended_use}`} multiline maw={360}>
          <IconInfoCircle size={15} stroke={1.7} aria-hidden className={classes.info} />
        </Tooltip>
      </Group>
      <Text size="xs" c="dimmed">
        {[run.vendor, ...timing].filter(Boolean).join(' · ')}
        {' · '}
        <RelativeTime at={run.finished_at ?? run.started_at ?? run.queued_at} />
      </Text>
    </div>
  );
}

/** Printed with every result that exists only because a person insisted. */
function OverrideNote({ override }: { override: NonNullable<Run['override']> }) {
  return (
    <div className={classes.override}>
      <Text size="sm" fw={550}>
        Ran outside its intended use
      </Text>
      <Text size="sm">“{override.reason}”</Text>
      <Text size="xs" c="dimmed">
        {override.by}, <RelativeTime at={override.at} />
      </Text>
    </div>
  );
}
