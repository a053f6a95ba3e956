import { useEffect, useMemo, useRef } from 'react';
import type { Run, RunMap } from '../../api/types';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { drawOverlay, mapBitmap } from './overlay';
import { widthAndCenter } from './presentation';
import classes from './Stage.module.css';
import type { Picture, StackView } from './useStackView';

interface StageProps {
  /** Receives the element that Cornerstone draws in. */
  onElement: (element: HTMLDivElement | null) => void;
  view: StackView;
  label: string;
  /** The study holds no image. */
  empty: boolean;
  error: Error | null | undefined;
  /** Place of the shown image in its series, from 0. */
  index: number;
  count: number;
  /** Undefined when hidden or when none belongs to this image. */
  map: RunMap | undefined;
  mapRun: Run | undefined;
  opacity: number;
  /** The run that made the shown image itself. */
  madeBy: Run | undefined;
}

/** The image, the AI map over it, and a line that says how it is shown. */
export function Stage(props: StageProps) {
  const { onElement, view, label, empty, error, index, count, map, mapRun, opacity, madeBy } = props;
  const { picture } = view;
  const drawn = map !== undefined && picture !== undefined;
  return (
    <main id="main" className={classes.stage} aria-label="Image">
      <div className={classes.screen}>
        <div
          ref={onElement}
          className={classes.image}
          role="img"
          aria-label={label}
          data-state={picture ? 'shown' : 'loading'}
          onContextMenu={(event) => event.preventDefault()}
        />
        <MapOverlay map={map} picture={picture} opacity={opacity} />
        {madeBy && <AiMark what="AI result" run={madeBy} />}
        {drawn && !madeBy && mapRun && <AiMark what="AI map" run={mapRun} />}
        {!picture && !error && !empty && <p className={classes.note}>Loading the image…</p>}
        {empty && <p className={classes.note}>This study holds no image.</p>}
        {error && (
          <div className={classes.problem}>
            <ProblemNotice error={error} />
          </div>
        )}
      </div>
      <StatusLine picture={picture} index={index} count={count} />
    </main>
  );
}

/** Says on the image itself that AI drew here. */
function AiMark({ what, run }: { what: string; run: Run }) {
  return (
    <p className={classes.mark}>
      <strong>{what}</strong> {run.app_name} {run.release}
    </p>
  );
}

interface MapOverlayProps {
  map: RunMap | undefined;
  picture: Picture | undefined;
  opacity: number;
}

/** Follows each drawing of the image below it. */
function MapOverlay({ map, picture, opacity }: MapOverlayProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bitmap = useMemo(() => map && mapBitmap(map), [map]);
  useEffect(() => {
    if (canvas.current === null) return;
    const { transform, columns, rows } = picture ?? {};
    const ready = bitmap && transform && columns && rows;
    drawOverlay(canvas.current, ready ? { bitmap, transform, columns, rows, opacity } : undefined);
  }, [bitmap, picture, opacity]);
  return <canvas ref={canvas} className={classes.overlay} aria-hidden data-map={map ? 'shown' : 'hidden'} />;
}

interface StatusLineProps {
  picture: Picture | undefined;
  index: number;
  count: number;
}

/** Window, zoom and size, below the image so that no pixel is hidden. */
function StatusLine({ picture, index, count }: StatusLineProps) {
  if (!picture) return <div className={classes.status} />;
  const { window: shown, transform, columns, rows, color, inverted } = picture;
  const [width, center] = widthAndCenter(shown);
  const zoom = Math.hypot(transform[0], transform[1]) * window.devicePixelRatio;
  return (
    <div className={classes.status}>
      {!color && (
        <span>
          W {width} · L {center}
        </span>
      )}
      <span>Zoom {Math.round(zoom * 100)} %</span>
      <span>
        {columns} × {rows} px
      </span>
      {count > 1 && (
        <span>
          Image {index + 1} of {count}
        </span>
      )}
      {inverted && <span>Inverted</span>}
    </div>
  );
}
