/** What a study arrived with and what counts now; correcting it, merging its patient, and taking either back. */
import { Skeleton, Stack, Text, Title } from '@mantine/core';
import { Link, useParams } from 'react-router';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import { Page } from '../../frame/Page';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { timelineAddress } from '../../parts/timeline';
import { personName } from '../../parts/words';
import { CorrectionForm } from './CorrectionForm';
import { CorrectionHistory } from './CorrectionHistory';
import { MergePatients } from './MergePatients';

export function CorrectionsPage() {
  const { study = '' } = useParams();
  const may = useMay();
  const request = { params: { path: { study_instance_uid: study } } };
  const corrections = api.useQuery('get', '/api/v1/studies/{study_instance_uid}/corrections', request);
  const said = corrections.data?.attributes ?? [];
  const now = (keyword: string) => said.find((one) => one.keyword === keyword)?.now ?? '';
  return (
    <Page
      title="Corrections"
      purpose={corrections.data && `of ${personName(now('PatientName'))}. Stored images stay as they are.`}
      action={<Link to={timelineAddress(study)}>Timeline</Link>}
    >
      {corrections.isPending && <Skeleton height={320} />}
      {corrections.isError && (
        <ProblemNotice error={corrections.error} onRetry={() => void corrections.refetch()} />
      )}
      {corrections.data && (
        <Stack gap="xl" maw={1080}>
          {/* A change by anybody begins the form anew, so that nobody corrects what no longer counts. */}
          <CorrectionForm
            key={said.map((one) => one.now).join('\n')}
            study={study}
            attributes={said}
            mayCorrect={may('study.correct')}
          />
          <section aria-labelledby="history">
            <Title order={2} size="h5" mb="xs" id="history">
              History
            </Title>
            {corrections.data.items.length === 0 ? (
              <Text size="sm" c="dimmed">
                Nothing was corrected yet. What is corrected counts for searches and every way out at once,
                and each correction can be taken back.
              </Text>
            ) : (
              <CorrectionHistory study={study} corrections={corrections.data.items} />
            )}
          </section>
          {may('study.correct') && (
            <MergePatients patientId={now('PatientID')} issuer={now('IssuerOfPatientID')} />
          )}
        </Stack>
      )}
    </Page>
  );
}
