import type { Finding } from '../../api/types';
import { ScoreBar, ScoreNumbers } from '../../parts/Score';
import classes from './RunCard.module.css';

/** Each finding with its score beside its threshold. */
export function FindingList({ findings }: { findings: Finding[] }) {
  return (
    <ul className={classes.findings} aria-label="Findings">
      {findings.map((finding) => (
        <li key={finding.id} className={classes.finding}>
          <span className={classes.meaning}>{finding.code.meaning}</span>
          <span className={classes.verdict} data-positive={finding.positive}>
            {finding.positive ? 'Positive' : 'Negative'}
          </span>
          <ScoreBar {...finding} />
          <ScoreNumbers {...finding} />
        </li>
      ))}
    </ul>
  );
}
