import { Button, Group, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import type { StudyQuery } from '../../api/qido';
import { noQuery } from './query';

interface SearchFormProps {
  query: StudyQuery;
  onChange: (change: Partial<StudyQuery>) => void;
}

interface Field {
  field: keyof StudyQuery;
  label: string;
  placeholder?: string;
  type?: 'date';
  width: number;
}

const fields: Field[] = [
  { field: 'name', label: 'Patient name', placeholder: 'Doe, J*', width: 170 },
  { field: 'id', label: 'Patient ID', placeholder: '123*', width: 120 },
  { field: 'accession', label: 'Accession', placeholder: 'A?1', width: 120 },
  { field: 'from', label: 'From', type: 'date', width: 136 },
  { field: 'to', label: 'To', type: 'date', width: 136 },
  { field: 'modality', label: 'Modality', placeholder: 'CT', width: 80 },
  { field: 'description', label: 'Description', placeholder: 'chest', width: 150 },
];

const hint = 'A star stands for any letters, a question mark for one.';

/** What is typed is asked once the hand rests; what the address says is shown. */
export function SearchForm({ query, onChange }: SearchFormProps) {
  const [typed, setTyped] = useState(query);
  const asked = useRef(query);
  const ask = useDebouncedCallback((next: StudyQuery) => {
    asked.current = next;
    onChange(next);
  }, 250);

  // Another address, as by the way back, is another question; an answer to this form's own is not.
  const address = JSON.stringify(query);
  useEffect(() => {
    const next = JSON.parse(address) as StudyQuery;
    if (JSON.stringify(trimmed(asked.current)) === address) return;
    asked.current = next;
    setTyped(next);
  }, [address]);

  const change = (part: Partial<StudyQuery>) => {
    const next = { ...typed, ...part };
    setTyped(next);
    ask(next);
  };

  return (
    <search>
      <Group gap="xs" mb="sm" align="end">
        {fields.map(({ field, label, placeholder, type, width }) => (
          <TextInput
            key={field}
            label={label}
            placeholder={placeholder}
            type={type ?? 'text'}
            size="xs"
            w={width}
            title={type === undefined ? hint : undefined}
            value={typed[field]}
            onChange={({ currentTarget: { value } }) => change({ [field]: value })}
          />
        ))}
        {Object.values(typed).some((value) => value !== '') && (
          <Button
            variant="subtle"
            color="gray"
            size="xs"
            leftSection={<IconX size={14} stroke={1.8} aria-hidden />}
            onClick={() => change(noQuery)}
          >
            Clear
          </Button>
        )}
      </Group>
    </search>
  );
}

function trimmed(query: StudyQuery): StudyQuery {
  return Object.fromEntries(
    Object.entries(query).map(([field, value]) => [field, value.trim()]),
  ) as unknown as StudyQuery;
}
