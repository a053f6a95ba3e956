import { Button, Group, NumberInput } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { scoreText } from '../../parts/words';

interface ThresholdInputProps {
  label: string;
  value: number;
  editable: boolean;
  onSave: (value: number) => void;
}

/** A threshold; the button to save it appears only once it differs. */
export function ThresholdInput({ label, value, editable, onSave }: ThresholdInputProps) {
  const [draft, setDraft] = useState<number | undefined>(value);
  useEffect(() => setDraft(value), [value]);
  if (!editable) return <span className="mono">{scoreText(value)}</span>;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (draft !== undefined) onSave(draft);
  };
  return (
    <form onSubmit={submit}>
      <Group gap="xs" wrap="nowrap">
        <NumberInput
          aria-label={label}
          size="xs"
          w={84}
          min={0}
          max={1}
          step={0.05}
          decimalScale={3}
          value={draft ?? ''}
          onChange={(next) => setDraft(typeof next === 'number' ? next : undefined)}
          classNames={{ input: 'mono' }}
        />
        {draft !== undefined && draft !== value && (
          <>
            <Button type="submit" size="compact-xs">
              Save threshold
            </Button>
            <Button variant="subtle" color="gray" size="compact-xs" onClick={() => setDraft(value)}>
              Keep {scoreText(value)}
            </Button>
          </>
        )}
      </Group>
    </form>
  );
}
