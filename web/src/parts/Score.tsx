/** A score is never shown without the threshold it is read against. */

import classes from './Score.module.css';
import { scoreText } from './words';

interface ScoreProps {
  score: number;
  threshold: number;
  positive: boolean;
}

const percent = (value: number) => `${Math.min(1, Math.max(0, value)) * 100}%`;

/** The score on a scale of 0 to 1 with a mark at the threshold. Decoration: the numbers stand beside it. */
export function ScoreBar({ score, threshold, positive }: ScoreProps) {
  return (
    <span className={classes.bar} data-positive={positive} aria-hidden>
      <span className={classes.fill} style={{ width: percent(score) }} />
      <span className={classes.threshold} style={{ left: percent(threshold) }} />
    </span>
  );
}

/** "0.91 ▕ thr 0.50". */
export function ScoreNumbers({ score, threshold, positive }: ScoreProps) {
  return (
    <span className={classes.numbers}>
      <span className={classes.score} data-positive={positive}>
        {scoreText(score)}
      </span>
      <span className={classes.against}>
        <abbr title="threshold">thr</abbr> {scoreText(threshold)}
      </span>
    </span>
  );
}
