/** Making all studies of one patient studies of another, who is searched for and shown beside the first. */
import { Button, Group, Radio, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import type { KnownPatient } from '../../api/types';
import { Compared } from '../../parts/Compared';
import { notifyUndo } from '../../parts/notify';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { ReasonField } from '../../parts/ReasonField';
import { countText, personName } from '../../parts/words';
import { useLookAgain, useUndoCorrection } from './useCorrections';

interface MergePatientsProps {
  patientId: string;
  issuer: string;
}

function isSame(patient: KnownPatient, { patientId, issuer }: MergePatientsProps): boolean {
  return patient.patient_id === patientId && patient.issuer_of_patient_id === issuer;
}

function keyOf(patient: KnownPatient): string {
  return JSON.stringify([patient.patient_id, patient.issuer_of_patient_id]);
}

export function MergePatients(from: MergePatientsProps) {
  const [text, setText] = useState('');
  const [search] = useDebouncedValue(text.trim(), 200);
  const [into, setInto] = useState<KnownPatient>();
  const own = usePatients(from.patientId)?.find((patient) => isSame(patient, from));
  const found = usePatients(search)?.filter((patient) => !isSame(patient, from)) ?? [];
  return (
    <section aria-labelledby="merge">
      <Title order={2} size="h5" mb="xs" id="merge">
        Merge patients
      </Title>
      <Stack gap="sm" maw={720}>
        <Text size="sm" c="dimmed">
          When one person has two identifiers: all studies of this patient become studies of the other one.
        </Text>
        <TextInput
          size="xs"
          maw={360}
          label="Who it is in truth"
          placeholder="Name or patient ID"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {search !== '' && (
          <Radio.Group
            aria-label="Patients found"
            value={into ? keyOf(into) : ''}
            onChange={(key) => setInto(found.find((patient) => keyOf(patient) === key))}
          >
            <Stack gap={6}>
              {found.map((patient) => (
                <Radio key={keyOf(patient)} size="xs" value={keyOf(patient)} label={patientText(patient)} />
              ))}
              {found.length === 0 && (
                <Text size="sm" c="dimmed">
                  No other patient matches.
                </Text>
              )}
            </Stack>
          </Radio.Group>
        )}
        {own && into && <MergeForm from={own} into={into} />}
      </Stack>
    </section>
  );
}

function usePatients(search: string): KnownPatient[] | undefined {
  const found = api.useQuery(
    'get',
    '/api/v1/patients',
    { params: { query: { search } } },
    { enabled: search !== '', placeholderData: keepPreviousData },
  );
  return found.data?.items;
}

function patientText(patient: KnownPatient): string {
  const facts = [
    personName(patient.patient_name),
    patient.patient_id,
    patient.issuer_of_patient_id,
    patient.patient_birth_date && `born ${patient.patient_birth_date}`,
    countText(patient.study_count, 'study', 'studies'),
  ];
  return facts.filter(Boolean).join(' · ');
}

function MergeForm({ from, into }: { from: KnownPatient; into: KnownPatient }) {
  const [reason, setReason] = useState('');
  const lookAgain = useLookAgain();
  const undo = useUndoCorrection();
  const merge = api.useMutation('post', '/api/v1/patients/merge', {
    onSuccess: ({ correction, study_instance_uids: [study] }) => {
      const path = { study_instance_uid: study ?? '', id: correction.id };
      notifyUndo('The patients are merged.', () => undo.mutate({ params: { path } }));
      return lookAgain();
    },
  });
  const key = (patient: KnownPatient) => ({
    patient_id: patient.patient_id,
    issuer_of_patient_id: patient.issuer_of_patient_id,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    merge.mutate({ body: { from: key(from), into: key(into), reason: reason.trim() } });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <BothPatients from={from} into={into} />
        <Text size="sm">
          {countText(from.study_count, 'study', 'studies')} of {personName(from.patient_name)} (
          {from.patient_id}) will be found, shown and sent as studies of {personName(into.patient_name)} (
          {into.patient_id}), with the name, birth date and sex of that patient; so will each study of{' '}
          {from.patient_id} that arrives later, until the merge is taken back. What was delivered before stays
          as it is where it was delivered.
        </Text>
        <ReasonField value={reason} onChange={setReason} />
        {merge.isError && <ProblemNotice error={merge.error} />}
        <Group>
          <Button type="submit" size="xs" disabled={reason.trim() === ''} loading={merge.isPending}>
            Merge patients
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function BothPatients({ from, into }: { from: KnownPatient; into: KnownPatient }) {
  const row = (label: string, one: string | null | undefined, other: string | null | undefined) => ({
    label,
    values: [one, other],
    differs: one !== other,
  });
  return (
    <Compared
      label="Both patients"
      columns={['This patient', 'Becomes']}
      rows={[
        row('Patient ID', from.patient_id, into.patient_id),
        row('Issuer', from.issuer_of_patient_id, into.issuer_of_patient_id),
        row('Patient name', from.patient_name, into.patient_name),
        row('Birth date', from.patient_birth_date, into.patient_birth_date),
        row('Sex', from.patient_sex, into.patient_sex),
      ]}
    />
  );
}
