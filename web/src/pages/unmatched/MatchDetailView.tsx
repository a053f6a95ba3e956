/** A study beside the orders that it may belong to and beside its patient, and the decision. */
import { Group, Skeleton, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { MatchDetail, Order } from '../../api/types';
import { Compared } from '../../parts/Compared';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { correctionsAddress, timelineAddress } from '../../parts/timeline';
import { sentence } from '../../parts/words';
import { Decision } from './Decision';
import { MatchMark } from './matchWords';
import { OrderChoice } from './OrderChoice';

export function MatchDetailView({ study, onDecided }: { study: string; onDecided: () => void }) {
  const may = useMay();
  const [chosen, setChosen] = useState<Order>();
  const request = { params: { path: { study_instance_uid: study } } };
  const detail = api.useQuery('get', '/api/v1/studies/{study_instance_uid}/order', request);
  if (detail.isPending) return <Skeleton height={320} />;
  if (detail.isError) return <ProblemNotice error={detail.error} />;
  const { candidates, match } = detail.data;
  const orders = candidates.map(({ order }) => order);
  const order = chosen ?? orders.find(({ id }) => id === match?.order_id) ?? orders[0];
  return (
    <Stack gap="md">
      {match && (
        <Group gap="xs" wrap="nowrap" align="flex-start">
          <MatchMark match={match} />
          <Text size="sm">{sentence(match.reason)}</Text>
        </Group>
      )}
      <Comparison detail={detail.data} order={order} />
      <OrderChoice orders={orders} chosen={order} onChoose={setChosen} />
      {may('study.correct') && <Decision study={study} match={match} order={order} onDecided={onDecided} />}
      <Group gap="md" fz="sm">
        {may('study.correct') && (
          <>
            <Link to={correctionsAddress(study)}>Correct the patient</Link>
            <Link to={`${correctionsAddress(study)}#merge`}>Merge patients</Link>
          </>
        )}
        <Link to={timelineAddress(study)}>Timeline</Link>
        <Link to={`/read/${encodeURIComponent(study)}`}>Read</Link>
      </Group>
    </Stack>
  );
}

/** Which row of the table an attribute's keyword is. */
const rowsOf: [keyword: string, label: string][] = [
  ['AccessionNumber', 'Accession number'],
  ['PatientID', 'Patient ID'],
  ['IssuerOfPatientID', 'Issuer'],
  ['PatientName', 'Patient name'],
  ['PatientBirthDate', 'Birth date'],
  ['PatientSex', 'Sex'],
];

function Comparison({ detail, order }: { detail: MatchDetail; order: Order | undefined }) {
  const { study, earlier_patient: earlier, issuer_of_patient_id: issuer } = detail;
  const corrected = detail.candidates.find((one) => one.order.id === order?.id)?.differs;
  const values: Record<string, (string | null | undefined)[]> = {
    AccessionNumber: [study.accession_number, order?.accession_number, undefined],
    PatientID: [study.patient_id, order?.patient_id, earlier?.patient_id],
    IssuerOfPatientID: [issuer, order?.issuer_of_patient_id, earlier?.issuer_of_patient_id],
    PatientName: [study.patient_name, order?.patient_name, earlier?.patient_name],
    PatientBirthDate: [study.patient_birth_date, order?.patient_birth_date, earlier?.patient_birth_date],
    PatientSex: [study.patient_sex, order?.patient_sex, earlier?.patient_sex],
  };
  const columns = [
    'Study',
    ...(order ? ['Order'] : []),
    ...(earlier ? ['Earlier study of the patient'] : []),
  ];
  const shown = (cells: (string | null | undefined)[]) =>
    cells.filter((_, place) => place === 0 || (place === 1 ? order : earlier));
  const differs = (keyword: string) => {
    const [said, ordered] = values[keyword] ?? [];
    const isOther = corrected ? corrected.includes(keyword) : Boolean(order && ordered && ordered !== said);
    return isOther || detail.differs_from_earlier.includes(keyword);
  };
  const rows = rowsOf.map(([keyword, label]) => ({
    label,
    values: shown(values[keyword] ?? []),
    differs: differs(keyword),
  }));
  const modalities = study.modalities.join(' ');
  rows.push(
    {
      label: 'Date',
      values: shown([study.study_date, order?.scheduled_date, undefined]),
      differs: Boolean(order?.scheduled_date && order.scheduled_date !== study.study_date),
    },
    {
      label: 'Modality',
      values: shown([modalities, order?.modality, undefined]),
      differs: Boolean(order?.modality && !study.modalities.includes(order.modality)),
    },
    {
      label: 'Procedure',
      values: shown([study.study_description, order?.procedure_description, undefined]),
      differs: false,
    },
  );
  return <Compared label="Study, order and patient" columns={columns} rows={rows} />;
}
