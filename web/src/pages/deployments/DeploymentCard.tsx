import { Group, SegmentedControl, Switch, Table, Text, Title } from '@mantine/core';
import { useMay } from '../../api/session';
import type { Deployment } from '../../api/types';
import { Clearance } from '../../parts/Clearance';
import { RelativeTime } from '../../parts/RelativeTime';
import { Uid } from '../../parts/Uid';
import classes from './DeploymentCard.module.css';
import { ThresholdInput } from './ThresholdInput';
import { useDeploymentChange } from './useDeploymentChange';

const modes = [
  { value: 'live', label: 'Live' },
  { value: 'shadow', label: 'Shadow' },
];

export function DeploymentCard({ deployment }: { deployment: Deployment }) {
  const editable = useMay()('deployment.write');
  const change = useDeploymentChange(deployment);
  const name = `${deployment.app_name} ${deployment.release}`;
  return (
    <section className={classes.card} aria-label={name}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div>
          <Group gap="xs">
            <Title order={2} size="h5">
              {deployment.app_name} <span className="dim">{deployment.release}</span>
            </Title>
            <Clearance clearance={deployment.clearance} intendedUse={deployment.intended_use} />
          </Group>
          <Text size="sm" c="dimmed">
            {deployment.vendor} · deployed <RelativeTime at={deployment.created_at} /> · release{' '}
            <Uid value={deployment.digest} label="digest" />
          </Text>
        </div>
        <Group gap="md" wrap="nowrap">
          <SegmentedControl
            size="xs"
            aria-label={`Mode of ${name}`}
            data={modes}
            value={deployment.mode}
            readOnly={!editable}
            onChange={(mode) => change({ mode: mode as Deployment['mode'] })}
          />
          <Switch
            label="Enabled"
            checked={deployment.enabled}
            disabled={!editable}
            onChange={(event) => change({ enabled: event.currentTarget.checked })}
          />
        </Group>
      </Group>
      <Text size="sm" mt="xs" maw={860}>
        {deployment.intended_use}
      </Text>
      <Text size="xs" c="dimmed" mt={4}>
        {deployment.mode === 'live'
          ? 'Live: readers see its results, and they are sent to peers that receive results.'
          : 'Shadow: it runs and is measured, but no reader sees its results and none is sent.'}
      </Text>
      <Table mt="sm" w="auto" verticalSpacing={4} aria-label={`Findings of ${name}`}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Finding</Table.Th>
            <Table.Th>Positive from</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {deployment.findings.map((finding) => (
            <Table.Tr key={finding.id}>
              <Table.Td>{finding.meaning}</Table.Td>
              <Table.Td>
                <ThresholdInput
                  label={`Threshold of ${finding.meaning}`}
                  value={finding.threshold}
                  editable={editable}
                  onSave={(threshold) => change({ thresholds: { [finding.id]: threshold } })}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
