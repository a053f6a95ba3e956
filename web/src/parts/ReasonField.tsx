import { TextInput } from '@mantine/core';

/** The server's longest reason. */
const reasonCharactersMax = 200;

interface ReasonFieldProps {
  value: string;
  onChange: (value: string) => void;
  /** What the reason is kept with. */
  description?: string;
}

/** Why somebody does something that others will want to understand. */
export function ReasonField({ value, onChange, description = 'Logged with your name.' }: ReasonFieldProps) {
  return (
    <TextInput
      label="Why?"
      description={description}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      maxLength={reasonCharactersMax}
    />
  );
}
