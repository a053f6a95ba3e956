/** How a study stands to the orders, by shape, colour and word. */
import { Group, Text } from '@mantine/core';
import {
  type Icon,
  IconAlertTriangle,
  IconCircleCheck,
  IconHelpCircle,
  IconLinkOff,
} from '@tabler/icons-react';
import type { OrderMatch } from '../../api/types';

interface Look {
  word: string;
  Shape: Icon;
  /** A meaning colour of theme.ts. */
  color: string;
}

const unmatched: Look = { word: 'No order', Shape: IconLinkOff, color: 'var(--lb-waiting)' };

const looks: Record<string, Look> = {
  contradicts: { word: 'Contradiction', Shape: IconAlertTriangle, color: 'var(--lb-failed)' },
  suggested: { word: 'Suggestion', Shape: IconHelpCircle, color: 'var(--lb-running)' },
  unmatched,
  matched: { word: 'Matched', Shape: IconCircleCheck, color: 'var(--lb-nothing-found)' },
  not_needed: { word: 'None needed', Shape: IconCircleCheck, color: 'var(--lb-text-dim)' },
};

export function MatchMark({ match }: { match: OrderMatch }) {
  const { word, Shape, color } = looks[match.state] ?? unmatched;
  return (
    <Group gap={6} wrap="nowrap">
      <Shape size={16} stroke={1.8} color={color} aria-hidden />
      <Text size="sm" style={{ whiteSpace: 'nowrap' }}>
        {word}
      </Text>
    </Group>
  );
}
