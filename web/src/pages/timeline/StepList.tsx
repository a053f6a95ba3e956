import { Button, Text, Tooltip } from '@mantine/core';
import { IconRepeat } from '@tabler/icons-react';
import type { ReplayRequest, Step } from '../../api/types';
import { RelativeTime } from '../../parts/RelativeTime';
import { durationText, sentence } from '../../parts/words';
import { lookOf } from './look';
import classes from './StepList.module.css';
import { useReplay } from './useReplay';

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full' });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** Steps of one day stand under its date. */
function byDay(steps: Step[]): [string, Step[]][] {
  const days = new Map<string, Step[]>();
  for (const step of steps) {
    const key = day.format(Date.parse(step.at));
    days.set(key, [...(days.get(key) ?? []), step]);
  }
  return [...days];
}

export function StepList({ study, steps }: { study: string; steps: Step[] }) {
  return byDay(steps).map(([date, of]) => (
    <section key={date} aria-label={date}>
      <Text component="h2" size="sm" fw={600} c="dimmed" mb={4} mt="sm">
        {date}
      </Text>
      <ol className={classes.steps}>
        {of.map((step) => (
          <StepRow
            key={`${step.at} ${step.kind} ${step.object_id} ${step.sentence}`}
            study={study}
            step={step}
          />
        ))}
      </ol>
    </section>
  ));
}

function StepRow({ study, step }: { study: string; step: Step }) {
  const { Shape, color, word } = lookOf(step);
  const took = step.until ? Date.parse(step.until) - Date.parse(step.at) : 0;
  return (
    <li className={classes.step} data-outcome={step.outcome}>
      <Tooltip label={new Date(step.at).toLocaleString('en-GB')}>
        <time dateTime={step.at} className={`num ${classes.time}`}>
          {clock.format(Date.parse(step.at))}
        </time>
      </Tooltip>
      <span className={classes.shape} style={{ color }} title={word}>
        <Shape size={16} stroke={1.8} role="img" aria-label={word} />
      </span>
      <div className={classes.text}>
        <span>
          {step.sentence} {took >= 1 && <span className="num dim">{durationText(took)}</span>}
        </span>
        {step.reason && <span className={classes.reason}>{sentence(step.reason)}</span>}
        {step.next_at && (
          <span className={classes.reason}>
            Next attempt at <span className="num">{clock.format(Date.parse(step.next_at))}</span>.
          </span>
        )}
      </div>
      <span className={classes.ago}>
        <RelativeTime at={step.at} />
      </span>
      <span className={classes.action}>
        {step.replay && <ReplayButton study={study} replay={step.replay} />}
      </span>
    </li>
  );
}

const words: Record<ReplayRequest['step'], string> = {
  route: 'Ask every app again',
  describe: 'Gather metadata again',
  run: 'Try again',
  publish: 'Publish again',
  explain: 'Make the map again',
  deliver: 'Deliver again',
};

function ReplayButton({ study, replay }: { study: string; replay: ReplayRequest }) {
  const order = useReplay(study);
  return (
    <Button
      variant="default"
      size="compact-xs"
      loading={order.isPending}
      leftSection={<IconRepeat size={13} stroke={1.8} aria-hidden />}
      onClick={() => order.mutate({ params: { path: { study_instance_uid: study } }, body: replay })}
    >
      {words[replay.step]}
    </Button>
  );
}
