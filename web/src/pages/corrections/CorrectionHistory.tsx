import { Button, Table } from '@mantine/core';
import { useMay } from '../../api/session';
import type { Correction } from '../../api/types';
import { ActionsHead } from '../../parts/ActionsHead';
import { attributeWords } from '../../parts/attributes';
import { notifyDone } from '../../parts/notify';
import { RelativeTime } from '../../parts/RelativeTime';
import { useUndoCorrection } from './useCorrections';

/** What was decided, the newest first. */
export function CorrectionHistory({ study, corrections }: { study: string; corrections: Correction[] }) {
  return (
    <Table aria-label="History of corrections" fz="sm" verticalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>When</Table.Th>
          <Table.Th>What</Table.Th>
          <Table.Th>Why</Table.Th>
          <Table.Th>By</Table.Th>
          <Table.Th>Now</Table.Th>
          <ActionsHead />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {[...corrections].reverse().map((correction) => (
          <CorrectionRow key={correction.id} study={study} correction={correction} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function CorrectionRow({ study, correction }: { study: string; correction: Correction }) {
  const may = useMay();
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <RelativeTime at={correction.made_at} />
      </Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{whatText(correction)}</Table.Td>
      <Table.Td>{correction.reason}</Table.Td>
      <Table.Td>{correction.made_by}</Table.Td>
      <Table.Td>{correction.undone_by ? `taken back by ${correction.undone_by}` : 'counts'}</Table.Td>
      <Table.Td ta="right">
        {!correction.undone_at && may('study.correct') && (
          <UndoButton study={study} correction={correction} />
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function whatText({ scope, values }: Correction): string {
  if (scope === 'patient') return `Patient merged into ${values.PatientID}`;
  const changes = Object.entries(values).map(([keyword, value]) => {
    return `${attributeWords(keyword)}: ${value || 'nothing'}`;
  });
  return changes.join('; ');
}

function UndoButton({ study, correction: { id, scope } }: { study: string; correction: Correction }) {
  const undo = useUndoCorrection();
  const what = scope === 'patient' ? 'The patients are two again.' : 'The correction is taken back.';
  return (
    <Button
      variant="default"
      size="compact-xs"
      loading={undo.isPending}
      onClick={() =>
        undo.mutate(
          { params: { path: { study_instance_uid: study, id } } },
          { onSuccess: () => notifyDone(what) },
        )
      }
    >
      Take back
    </Button>
  );
}
