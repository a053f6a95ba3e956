import { ActionIcon, Group, Skeleton, Table, Tooltip } from '@mantine/core';
import { IconExternalLink, IconEye } from '@tabler/icons-react';
import { Link, useNavigate } from 'react-router';
import type { FoundStudy } from '../../api/qido';
import { useRowKeys } from '../../frame/useRowKeys';
import { ActionsHead } from '../../parts/ActionsHead';
import { ohifAddress } from '../../parts/ohif';
import rows from '../../parts/studyRows.module.css';
import { timelineAddress } from '../../parts/timeline';
import { personName } from '../../parts/words';

const heads = ['Patient', 'ID', 'Accession', 'Date', 'Modality', 'Description', 'Series', 'Instances'];

/** Studies that were found; undefined while they are searched for. A row opens the timeline. */
export function FoundTable({ studies }: { studies: FoundStudy[] | undefined }) {
  const body = useRowKeys('Studies', 'study');
  return (
    <Table.ScrollContainer minWidth={820} type="native">
      <Table aria-label="Found studies" className={rows.table} verticalSpacing={6} horizontalSpacing={8}>
        <Table.Thead>
          <Table.Tr>
            {heads.map((head) => (
              <Table.Th key={head} ta={head === 'Series' || head === 'Instances' ? 'right' : undefined}>
                {head}
              </Table.Th>
            ))}
            <ActionsHead />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody ref={body} aria-busy={studies === undefined}>
          {studies === undefined ? (
            <Table.Tr>
              <Table.Td colSpan={heads.length + 1}>
                <Skeleton height={200} />
              </Table.Td>
            </Table.Tr>
          ) : (
            studies.map((study) => <FoundRow key={study.uid} study={study} />)
          )}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function FoundRow({ study }: { study: FoundStudy }) {
  const navigate = useNavigate();
  const address = timelineAddress(study.uid);
  return (
    <Table.Tr className={rows.row} onClick={() => void navigate(address)}>
      <Table.Td className={rows.tight}>
        <Link to={address} className={rows.patient} onClick={(event) => event.stopPropagation()}>
          {personName(study.patientName)}
        </Link>
      </Table.Td>
      <Table.Td className={`mono ${rows.tight}`}>{study.patientId || '–'}</Table.Td>
      <Table.Td className={`mono ${rows.tight}`}>{study.accession || '–'}</Table.Td>
      <Table.Td className={`num ${rows.tight}`}>{study.date || '–'}</Table.Td>
      <Table.Td className={rows.tight}>{study.modalities.join(' ') || '–'}</Table.Td>
      <Table.Td className={rows.description}>{study.description || '–'}</Table.Td>
      <Table.Td className="num" ta="right">
        {study.series}
      </Table.Td>
      <Table.Td className="num" ta="right">
        {study.instances}
      </Table.Td>
      {/* A click on a button is none on the row. */}
      <Table.Td className={rows.tight} onClick={(event) => event.stopPropagation()}>
        <RowActions study={study} />
      </Table.Td>
    </Table.Tr>
  );
}

function RowActions({ study }: { study: FoundStudy }) {
  const whose = personName(study.patientName);
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      <Tooltip label="Read the study">
        <ActionIcon
          component={Link}
          to={`/read/${encodeURIComponent(study.uid)}`}
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={`Read the study of ${whose}`}
        >
          <IconEye size={16} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Open in OHIF, in a new tab">
        <ActionIcon
          component="a"
          href={ohifAddress(study.uid)}
          target="_blank"
          rel="noreferrer"
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={`Open the study of ${whose} in OHIF`}
        >
          <IconExternalLink size={16} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
