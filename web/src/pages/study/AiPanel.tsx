/** What AI says of this study, and why it said nothing. */
import { Text, Title } from '@mantine/core';
import type { Decision, Run, RunMap, StudyDetail } from '../../api/types';
import { AiStateMark } from '../../parts/AiState';
import { sentence } from '../../parts/words';
import classes from './AiPanel.module.css';
import type { MapSettings } from './mapSettings';
import { RunCard } from './RunCard';

interface AiPanelProps {
  detail: StudyDetail;
  /** SOP Instance UID of the image in the viewport. */
  shownInstance: string | undefined;
  /** The run whose map lies over that image. */
  mappedRun: string | undefined;
  map: RunMap | undefined;
  mapSettings: MapSettings;
  onMapSettings: (settings: MapSettings) => void;
  onOpenImage: (sopInstanceUid: string) => void;
}

/** Decisions that no run speaks for: one per app and reason. */
function silentDecisions({ decisions, runs }: StudyDetail): Decision[] {
  const spoken = new Set(runs.map((run) => `${run.deployment_id} ${run.sop_instance_uid}`));
  const silent = decisions.filter(
    ({ outcome, deployment_id, sop_instance_uid }) =>
      outcome !== 'matched' && !spoken.has(`${deployment_id} ${sop_instance_uid}`),
  );
  return [...new Map(silent.map((each) => [`${each.deployment_id} ${each.reason}`, each])).values()];
}

function newestFirst(one: Run, other: Run): number {
  return other.queued_at.localeCompare(one.queued_at);
}

export function AiPanel(props: AiPanelProps) {
  const { detail, shownInstance, mappedRun, map, mapSettings, onMapSettings, onOpenImage } = props;
  const runs = detail.runs.toSorted(newestFirst);
  const silent = silentDecisions(detail);
  return (
    <aside className={classes.panel} aria-label="AI results">
      <Title order={2} size="h5">
        AI
      </Title>
      {runs.map((run) => (
        <RunCard
          key={run.id}
          run={run}
          study={detail}
          readShownImage={run.sop_instance_uid === shownInstance}
          map={run.id === mappedRun ? map : undefined}
          mapSettings={mapSettings}
          onMapSettings={onMapSettings}
          onOpenImage={onOpenImage}
        />
      ))}
      {silent.map((decision) => (
        <section key={`${decision.deployment_id} ${decision.reason}`} className={classes.silent}>
          <AiStateMark state={decision.outcome === 'outside_intended_use' ? 'rejected' : 'not_applicable'} />
          <Text size="sm">
            {decision.app_name} <span className="dim">{decision.release}</span>
          </Text>
          <Text size="sm" c="dimmed">
            {sentence(decision.reason)}
          </Text>
        </section>
      ))}
      {runs.length + silent.length === 0 && (
        <div className={classes.silent}>
          <AiStateMark state="none" />
          <Text size="sm" c="dimmed">
            No deployment has looked at this study. That says nothing about what is in it.
          </Text>
        </div>
      )}
    </aside>
  );
}
