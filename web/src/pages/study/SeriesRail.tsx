import { UnstyledButton } from '@mantine/core';
import { IconFileText } from '@tabler/icons-react';
import { thumbnailPath } from '../../api/dicomweb';
import type { Series } from '../../api/types';
import { countText } from '../../parts/words';
import { imageInstances } from './images';
import classes from './SeriesRail.module.css';

interface SeriesRailProps {
  study: string;
  series: Series[];
  /** UID of the series in the viewport. */
  shown: string | undefined;
  onShow: (seriesUid: string) => void;
}

/** The series of the study as small pictures; what AI made carries its mark. */
export function SeriesRail({ study, series, shown, onShow }: SeriesRailProps) {
  return (
    <nav className={classes.rail} aria-label="Series">
      {series.map((each) => (
        <SeriesEntry
          key={each.series_instance_uid}
          study={study}
          series={each}
          current={each.series_instance_uid === shown}
          onShow={() => onShow(each.series_instance_uid)}
        />
      ))}
    </nav>
  );
}

interface SeriesEntryProps {
  study: string;
  series: Series;
  current: boolean;
  onShow: () => void;
}

/** Rendered at twice its size on screen, for dense displays. */
const thumbnailSide = 192;

function SeriesEntry({ study, series, current, onShow }: SeriesEntryProps) {
  const images = imageInstances(series);
  const first = images[0];
  const caption = (
    <span className={classes.caption}>
      <span className={classes.title}>
        {series.run_id != null && <span className={classes.ai}>AI</span>}
        {series.modality}
        {images.length > 1 && <span className="num dim"> {countText(images.length, 'image')}</span>}
      </span>
      <span className={classes.description}>{series.description ?? ''}</span>
    </span>
  );
  if (first === undefined) {
    return (
      <div className={classes.entry} title={`${series.modality} holds no image`}>
        <span className={classes.symbol}>
          <IconFileText size={28} stroke={1.3} aria-hidden />
        </span>
        {caption}
      </div>
    );
  }
  const address = { study, series: series.series_instance_uid, instance: first.sop_instance_uid };
  return (
    <UnstyledButton className={classes.entry} aria-current={current ? 'true' : undefined} onClick={onShow}>
      <img src={thumbnailPath(address, thumbnailSide)} alt="" loading="lazy" className={classes.picture} />
      {caption}
    </UnstyledButton>
  );
}
