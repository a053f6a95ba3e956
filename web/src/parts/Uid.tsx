import { CopyButton, Tooltip, UnstyledButton } from '@mantine/core';

/** A long identifier, short, in full on hover, copied on click. */
export function Uid({ value, label }: { value: string; label: string }) {
  const short = value.length > 16 ? `…${value.slice(-12)}` : value;
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `${value} · click to copy`}>
          <UnstyledButton onClick={copy} className="mono dim" aria-label={`Copy ${label} ${value}`}>
            {short}
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}
