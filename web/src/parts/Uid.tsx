import { CopyButton, Tooltip, UnstyledButton, VisuallyHidden } from '@mantine/core';
import classes from './Uid.module.css';

/** A long identifier, short, in full on hover, copied on click. */
export function Uid({ value, label }: { value: string; label: string }) {
  const short = value.length > 16 ? `…${value.slice(-12)}` : value;
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `${value} · click to copy`}>
          <UnstyledButton onClick={copy} className={`mono dim ${classes.uid}`}>
            <VisuallyHidden>Copy {label} </VisuallyHidden>
            {short}
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}
