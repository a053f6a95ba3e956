import { Button, Group, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import type { SaidAttribute } from '../../api/types';
import { attributeWords, complaintOf, formOf } from '../../parts/attributes';
import { notifyUndo } from '../../parts/notify';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { ReasonField } from '../../parts/ReasonField';
import { countText } from '../../parts/words';
import { useLookAgain, useUndoCorrection } from './useCorrections';

interface CorrectionFormProps {
  study: string;
  attributes: SaidAttribute[];
  mayCorrect: boolean;
}

/** Every attribute with what the study arrived with, what counts, and what shall count. */
export function CorrectionForm({ study, attributes, mayCorrect }: CorrectionFormProps) {
  const [values, setValues] = useState<Record<string, string>>({});
  const changed = attributes.filter(
    ({ keyword, now }) => values[keyword] !== undefined && values[keyword].trim() !== now,
  );
  const table = (
    <Table aria-label="What is said of the study" fz="sm" verticalSpacing={4} layout="fixed">
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={190}>Attribute</Table.Th>
          <Table.Th>Arrived with</Table.Th>
          <Table.Th>Counts now</Table.Th>
          {mayCorrect && <Table.Th>Shall be</Table.Th>}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {attributes.map((one) => (
          <AttributeRow
            key={one.keyword}
            attribute={one}
            value={mayCorrect ? (values[one.keyword] ?? one.now) : undefined}
            onChange={(value) => setValues({ ...values, [one.keyword]: value })}
          />
        ))}
      </Table.Tbody>
    </Table>
  );
  if (!mayCorrect) return table;
  return (
    <Stack gap="md">
      {table}
      <Order
        study={study}
        changed={changed.map(({ keyword, vr }) => ({ keyword, vr, value: values[keyword] ?? '' }))}
      />
    </Stack>
  );
}

interface AttributeRowProps {
  attribute: SaidAttribute;
  /** What shall count; nobody is asked when it is left out. */
  value: string | undefined;
  onChange: (value: string) => void;
}

function AttributeRow({ attribute: { keyword, vr, arrived, now }, value, onChange }: AttributeRowProps) {
  const label = attributeWords(keyword);
  return (
    <Table.Tr>
      <Table.Th scope="row">{label}</Table.Th>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{arrived || <Nothing />}</Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }} fw={now === arrived ? undefined : 600}>
        {now === arrived ? (
          now || <Nothing />
        ) : (
          <Group gap={6} wrap="nowrap">
            <IconPencil size={14} stroke={1.8} role="img" aria-label="corrected" />
            {now || 'nothing'}
          </Group>
        )}
      </Table.Td>
      {value !== undefined && (
        <Table.Td>
          <ValueInput label={`${label} shall be`} vr={vr} value={value} onChange={onChange} />
        </Table.Td>
      )}
    </Table.Tr>
  );
}

function Nothing() {
  return <span className="dim">–</span>;
}

interface ValueInputProps {
  label: string;
  vr: string;
  value: string;
  onChange: (value: string) => void;
}

function ValueInput({ label, vr, value, onChange }: ValueInputProps) {
  if (vr === 'CS') {
    return (
      <Select
        size="xs"
        aria-label={label}
        value={value || null}
        clearable
        data={[
          { value: 'F', label: 'F · female' },
          { value: 'M', label: 'M · male' },
          { value: 'O', label: 'O · other' },
        ]}
        onChange={(choice) => onChange(choice ?? '')}
      />
    );
  }
  return (
    <TextInput
      size="xs"
      aria-label={label}
      placeholder={formOf(vr) ?? ''}
      value={value}
      error={complaintOf(vr, value)}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** Why, and the button that corrects. */
function Order({
  study,
  changed,
}: {
  study: string;
  changed: { keyword: string; vr: string; value: string }[];
}) {
  const [reason, setReason] = useState('');
  const lookAgain = useLookAgain();
  const undo = useUndoCorrection();
  const correct = api.useMutation('post', '/api/v1/studies/{study_instance_uid}/corrections', {
    onSuccess: ({ correction }) => {
      const path = { study_instance_uid: study, id: correction.id };
      notifyUndo('The study is corrected.', () => undo.mutate({ params: { path } }));
      return lookAgain();
    },
  });
  const isUnfit = changed.some(({ vr, value }) => complaintOf(vr, value) !== undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    correct.mutate({
      params: { path: { study_instance_uid: study } },
      body: {
        values: Object.fromEntries(changed.map(({ keyword, value }) => [keyword, value.trim()])),
        reason: reason.trim(),
      },
    });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" maw={640}>
        <ReasonField value={reason} onChange={setReason} />
        {correct.isError && <ProblemNotice error={correct.error} />}
        <Group gap="sm">
          <Button
            type="submit"
            size="xs"
            disabled={changed.length === 0 || reason.trim() === '' || isUnfit}
            loading={correct.isPending}
          >
            Correct study
          </Button>
          <Text size="sm" c="dimmed">
            {changed.length === 0
              ? 'Nothing is changed yet.'
              : `${countText(changed.length, 'attribute')}: ${changed.map(({ keyword }) => attributeWords(keyword)).join(', ')}.`}
          </Text>
        </Group>
      </Stack>
    </form>
  );
}
