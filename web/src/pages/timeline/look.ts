/** Kinds and outcomes of steps by shape, colour and word. */
import {
  type Icon,
  IconAlertTriangle,
  IconArrowsSplit2,
  IconCircleDot,
  IconCpu,
  IconDownload,
  IconFileAlert,
  IconFileCheck,
  IconHourglass,
  IconLink,
  IconPencil,
  IconRubberStamp,
  IconRulerMeasure,
  IconTrash,
  IconTruckDelivery,
  IconUser,
} from '@tabler/icons-react';
import type { Step } from '../../api/types';

interface Look {
  word: string;
  Shape: Icon;
  /** A meaning colour of theme.ts. */
  color: string;
}

const plain = 'var(--lb-text-dim)';

const kinds: Record<Step['kind'], Look> = {
  received: { word: 'Received', Shape: IconDownload, color: plain },
  conflict: { word: 'Conflict', Shape: IconFileAlert, color: plain },
  routed: { word: 'Routed', Shape: IconArrowsSplit2, color: plain },
  decision: { word: 'Decision', Shape: IconRulerMeasure, color: plain },
  run: { word: 'Run', Shape: IconCpu, color: plain },
  published: { word: 'Published', Shape: IconFileCheck, color: plain },
  delivered: { word: 'Delivery', Shape: IconTruckDelivery, color: plain },
  committed: { word: 'Storage commitment', Shape: IconRubberStamp, color: plain },
  waiting: { word: 'Waiting', Shape: IconHourglass, color: plain },
  deleted: { word: 'Deletion', Shape: IconTrash, color: plain },
  corrected: { word: 'Correction', Shape: IconPencil, color: plain },
  matched: { word: 'Order', Shape: IconLink, color: plain },
  ordered: { word: "A person's order", Shape: IconUser, color: plain },
  other: { word: 'Event', Shape: IconCircleDot, color: plain },
};

/** What went wrong or waits looks so, whatever it is; the word says both. */
export function lookOf({ kind, outcome }: Step): Look {
  const { word, Shape } = kinds[kind];
  if (outcome === 'problem') {
    return { word: `${word}: a problem`, Shape: IconAlertTriangle, color: 'var(--lb-failed)' };
  }
  if (outcome === 'waiting')
    return { word: `${word}: waits`, Shape: IconHourglass, color: 'var(--lb-waiting)' };
  return { word, Shape, color: plain };
}
