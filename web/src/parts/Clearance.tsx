import { Badge, Tooltip } from '@mantine/core';

interface ClearanceProps {
  clearance: string | null | undefined;
  intendedUse: string;
}

/** The regulatory standing of a release; without one, that it is not for clinical use. Intended use on hover. */
export function Clearance({ clearance, intendedUse }: ClearanceProps) {
  return (
    <Tooltip label={`Intended use: ${intendedUse}`} multiline maw={360}>
      <Badge
        variant="outline"
        radius="sm"
        tt="none"
        tabIndex={0}
        color={clearance ? 'gray' : 'var(--lb-rejected)'}
        styles={{ root: { cursor: 'help' } }}
      >
        {clearance ?? 'Not for clinical use'}
      </Badge>
    </Tooltip>
  );
}
