import { Button, Group, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import type { AiState } from '../../api/types';
import { aiStates } from '../../parts/AiState';
import { countText } from '../../parts/words';
import type { WorklistFilters } from './filters';

const offered: AiState[] = ['found', 'nothing_found', 'running', 'waiting', 'rejected', 'failed', 'none'];

interface FilterBarProps {
  filters: WorklistFilters;
  onChange: (change: Partial<WorklistFilters>) => void;
  total: number | undefined;
}

/** Search and AI-state chips; a second click on a chip shows all again. */
export function FilterBar({ filters, onChange, total }: FilterBarProps) {
  const [text, setText] = useState(filters.search);
  const apply = useDebouncedCallback((search: string) => onChange({ search: search.trim() }), 200);

  return (
    <Group gap="sm" mb="sm">
      <TextInput
        aria-label="Filter by patient, id, accession or description"
        placeholder="Patient, id, accession…"
        size="xs"
        w={220}
        leftSection={<IconSearch size={14} stroke={1.8} aria-hidden />}
        value={text}
        onChange={({ currentTarget: { value } }) => {
          setText(value);
          apply(value);
        }}
      />
      <Group role="group" aria-label="AI state" gap={6}>
        {offered.map((state) => {
          const { word, Shape, color } = aiStates[state];
          const chosen = filters.aiState === state;
          return (
            <Button
              key={state}
              size="compact-sm"
              variant={chosen ? 'light' : 'default'}
              fw={500}
              aria-pressed={chosen}
              leftSection={<Shape size={14} stroke={1.8} color={color} aria-hidden />}
              onClick={() => onChange({ aiState: chosen ? undefined : state })}
            >
              {word}
            </Button>
          );
        })}
      </Group>
      <span className="num dim" aria-live="polite">
        {total !== undefined && countText(total, 'study', 'studies')}
      </span>
    </Group>
  );
}
