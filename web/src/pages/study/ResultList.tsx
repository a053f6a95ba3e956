import { Anchor } from '@mantine/core';
import type { Run, Series } from '../../api/types';
import { Uid } from '../../parts/Uid';
import { resultKind } from '../../parts/words';
import classes from './RunCard.module.css';

interface ResultListProps {
  run: Run;
  series: Series[];
  onOpenImage: (sopInstanceUid: string) => void;
}

/** The DICOM objects that the run added to the study. */
export function ResultList({ run, series, onOpenImage }: ResultListProps) {
  if (run.results.length === 0) return null;
  const pictures = new Set(
    series.flatMap(({ instances }) =>
      instances.filter(({ is_image }) => is_image).map(({ sop_instance_uid }) => sop_instance_uid),
    ),
  );
  return (
    <ul className={classes.results} aria-label="Result objects">
      {run.results.map(({ kind, sop_instance_uid }) => (
        <li key={sop_instance_uid} className={classes.result}>
          {pictures.has(sop_instance_uid) ? (
            <Anchor component="button" type="button" size="sm" onClick={() => onOpenImage(sop_instance_uid)}>
              {resultKind(kind)}
            </Anchor>
          ) : (
            <span>{resultKind(kind)}</span>
          )}
          <Uid value={sop_instance_uid} label="SOP Instance UID" />
        </li>
      ))}
    </ul>
  );
}
