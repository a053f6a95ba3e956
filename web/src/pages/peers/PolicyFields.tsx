import { Checkbox, Fieldset, Group, NumberInput, Select, Stack, Switch, TagsInput } from '@mantine/core';
import type { ConflictPolicy, PeerPolicy, PeerService } from '../../api/types';

const services: [PeerService, string][] = [
  ['store', 'Store (C-STORE)'],
  ['find', 'Search (C-FIND)'],
  ['move', 'Have sent (C-MOVE)'],
  ['get', 'Fetch (C-GET)'],
  ['commit', 'Ask for storage commitment'],
  ['mpps', 'Report procedure steps (MPPS)'],
];

const conflictPolicies: { value: ConflictPolicy; label: string }[] = [
  { value: 'keep_first', label: 'Shelve it' },
  { value: 'replace', label: 'Let it replace the first' },
  { value: 'refuse', label: 'Refuse it' },
];

interface PolicyFieldsProps {
  policy: PeerPolicy;
  onChange: (change: Partial<PeerPolicy>) => void;
}

/** What a peer may do here, and how it is called. */
export function PolicyFields({ policy, onChange }: PolicyFieldsProps) {
  return (
    <>
      <Fieldset legend="It may">
        <Stack gap="xs">
          {services.map(([service, label]) => (
            <Checkbox
              key={service}
              size="xs"
              label={label}
              checked={policy.services.includes(service)}
              onChange={({ currentTarget: { checked } }) => {
                const others = policy.services.filter((one) => one !== service);
                onChange({ services: checked ? [...others, service] : others });
              }}
            />
          ))}
        </Stack>
      </Fieldset>
      <Group grow align="end">
        <LimitInput
          label="Associations at once"
          value={policy.associations_max}
          onChange={(associations_max) => onChange({ associations_max })}
        />
        <LimitInput
          label="Idle seconds"
          value={policy.idle_seconds_max}
          onChange={(idle_seconds_max) => onChange({ idle_seconds_max })}
        />
      </Group>
      <TagsInput
        label="Transfer syntaxes"
        description="UIDs in which it may store, best first; empty: all, in its own order."
        value={policy.transfer_syntaxes}
        onChange={(transfer_syntaxes) => onChange({ transfer_syntaxes })}
      />
      <Select
        label="Another version of what is stored"
        description="When it sends other data under the UID of an instance that is here already."
        data={conflictPolicies}
        allowDeselect={false}
        value={policy.conflicts ?? 'keep_first'}
        onChange={(value) => {
          const chosen = conflictPolicies.find((one) => one.value === value);
          if (chosen) {
            onChange({ conflicts: chosen.value });
          }
        }}
      />
      <Switch
        label="Call it over TLS"
        checked={policy.tls}
        onChange={(event) => onChange({ tls: event.currentTarget.checked })}
      />
      <Switch
        label="Ask it to commit to the results that it got"
        checked={policy.commits}
        onChange={(event) => onChange({ commits: event.currentTarget.checked })}
      />
    </>
  );
}

interface LimitInputProps {
  label: string;
  value: number | null | undefined;
  onChange: (value: number | null) => void;
}

/** A limit of this peer's own. */
function LimitInput({ label, value, onChange }: LimitInputProps) {
  return (
    <NumberInput
      label={label}
      placeholder="as the site"
      value={value ?? ''}
      onChange={(next) => onChange(typeof next === 'number' ? next : null)}
      min={1}
      allowDecimal={false}
      hideControls
    />
  );
}
