/** AI states by shape, colour and word, so that none depends on colour alone. */
import {
  type Icon,
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleMinus,
  IconDiamondFilled,
  IconHandStop,
  IconHourglass,
  IconProgress,
} from '@tabler/icons-react';
import type { AiState, RunState } from '../api/types';
import classes from './AiState.module.css';

interface Look {
  word: string;
  Shape: Icon;
  /** A meaning colour of theme.ts. */
  color: string;
}

export const aiStates: Record<AiState, Look> = {
  found: { word: 'Found', Shape: IconDiamondFilled, color: 'var(--lb-found)' },
  nothing_found: { word: 'Nothing found', Shape: IconCircleCheck, color: 'var(--lb-nothing-found)' },
  running: { word: 'Running', Shape: IconProgress, color: 'var(--lb-running)' },
  waiting: { word: 'Waiting', Shape: IconHourglass, color: 'var(--lb-waiting)' },
  failed: { word: 'Failed', Shape: IconAlertTriangle, color: 'var(--lb-failed)' },
  rejected: { word: 'Rejected', Shape: IconHandStop, color: 'var(--lb-rejected)' },
  not_applicable: { word: 'Not applicable', Shape: IconCircleMinus, color: 'var(--lb-none)' },
  none: { word: 'Did not run', Shape: IconCircleDashed, color: 'var(--lb-none)' },
};

/** The state a reader sees for one run. */
export function stateOfRun(state: RunState, positive: boolean): AiState {
  if (state === 'finished') return positive ? 'found' : 'nothing_found';
  if (state === 'queued') return 'waiting';
  if (state === 'running' || state === 'publishing') return 'running';
  return state;
}

export function AiStateMark({ state, size = 16 }: { state: AiState; size?: number }) {
  const { word, Shape, color } = aiStates[state];
  return (
    <span className={classes.mark} style={{ color }} data-state={state}>
      <Shape
        size={size}
        stroke={1.8}
        aria-hidden
        className={state === 'running' ? classes.turning : undefined}
      />
      <span>{word}</span>
    </span>
  );
}
