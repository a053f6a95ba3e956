/** Reading one study: the image in the middle, what AI found beside it. */
import { Loader, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api } from '../../api/client';
import type { Run, Series, StudyDetail } from '../../api/types';
import { useTitle } from '../../frame/Page';
import { useShortcuts } from '../../frame/shortcuts';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { personName } from '../../parts/words';
import { AiPanel } from './AiPanel';
import type { Tool } from './cornerstone';
import { imageInstances, loadImages } from './images';
import { useMapSettings } from './mapSettings';
import { SeriesRail } from './SeriesRail';
import { Stage } from './Stage';
import { StudyHeader } from './StudyHeader';
import classes from './StudyPage.module.css';
import { Toolbar } from './Toolbar';
import { useNeighbours, useWorklistAddress } from './useNeighbours';
import { useStackView } from './useStackView';
import { windowsFor } from './windows';

export function StudyPage() {
  const { study = '' } = useParams();
  const request = { params: { path: { study_instance_uid: study } } };
  const detail = api.useQuery('get', '/api/v1/studies/{study_instance_uid}', request);

  if (detail.isPending) {
    return (
      <main id="main" className={classes.alone}>
        <Loader size="sm" aria-label="Loading the study" />
      </main>
    );
  }
  if (detail.isError) {
    return (
      <main id="main" className={classes.alone}>
        <Stack>
          <Title order={1} size="h3">
            This study cannot be shown
          </Title>
          <ProblemNotice error={detail.error} onRetry={() => void detail.refetch()} />
          <Link to="/read">Go to the worklist</Link>
        </Stack>
      </main>
    );
  }
  return <Reader key={study} detail={detail.data} />;
}

/** What the reader looks at: a series, and where in its stack to start. */
interface Selection {
  seriesUid: string | undefined;
  first: number;
}

/** The first series with pictures that came from outside, else any with pictures. */
function initialSeries(series: Series[]): string | undefined {
  const pictured = series.filter((each) => imageInstances(each).length > 0);
  return (pictured.find(({ run_id }) => run_id == null) ?? pictured[0])?.series_instance_uid;
}

/** The newest run that has a map for this image. */
function mappedRun(runs: Run[], sopInstanceUid: string | undefined): Run | undefined {
  const fits = runs.filter((run) => run.map.state === 'stored' && run.sop_instance_uid === sopInstanceUid);
  return fits.sort((one, other) => other.queued_at.localeCompare(one.queued_at))[0];
}

const noImageIds: string[] = [];

function useImages(study: string, series: Series | undefined) {
  const images = useQuery({
    queryKey: ['images', study, series?.series_instance_uid, series?.instances.length],
    queryFn: () => (series ? loadImages(study, series) : []),
    enabled: series !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const imageIds = useMemo(() => images.data?.map(({ imageId }) => imageId) ?? noImageIds, [images.data]);
  return { images, imageIds };
}

function Reader({ detail }: { detail: StudyDetail }) {
  const { study, series, runs } = detail;
  useTitle(personName(study.patient_name));
  const [selection, setSelection] = useState<Selection>({ seriesUid: initialSeries(series), first: 0 });
  const [tool, setTool] = useState<Tool>('window');
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const shownSeries = series.find((each) => each.series_instance_uid === selection.seriesUid);
  const { images, imageIds } = useImages(study.study_instance_uid, shownSeries);
  const view = useStackView(element, imageIds, selection.first, tool);
  const shown = images.data?.find(({ imageId }) => imageId === view.picture?.imageId);
  const windows = shown && view.picture ? windowsFor(shown.attributes, view.picture.values) : [];

  const [mapSettings, setMapSettings] = useMapSettings();
  const run = mappedRun(runs, shown?.instance.sop_instance_uid);
  const map = api.useQuery(
    'get',
    '/api/v1/runs/{id}/map',
    { params: { path: { id: run?.id ?? '' } } },
    { enabled: run !== undefined, staleTime: Number.POSITIVE_INFINITY },
  );
  const toggleMap = () => setMapSettings((current) => ({ ...current, shown: !current.shown }));
  const openImage = useCallback(
    (sopInstanceUid: string) => {
      for (const each of series) {
        const first = imageInstances(each).findIndex((image) => image.sop_instance_uid === sopInstanceUid);
        if (first >= 0) setSelection({ seriesUid: each.series_instance_uid, first });
      }
    },
    [series],
  );
  useReadingKeys({ windows, toggleMap, setTool, view });

  return (
    <div className={classes.reader}>
      <StudyHeader study={study} incomplete={detail.incomplete}>
        <Toolbar
          tool={tool}
          onTool={setTool}
          view={view}
          windows={windows}
          map={run && { shown: mapSettings.shown, onToggle: toggleMap }}
        />
      </StudyHeader>
      <SeriesRail
        study={study.study_instance_uid}
        series={series}
        shown={selection.seriesUid}
        onShow={(seriesUid) => setSelection({ seriesUid, first: 0 })}
      />
      <Stage
        onElement={setElement}
        view={view}
        label={`${shownSeries?.description ?? 'Image'} of ${personName(study.patient_name)}`}
        empty={shownSeries === undefined}
        error={images.error ?? view.error}
        index={shown ? imageIds.indexOf(shown.imageId) : 0}
        count={imageIds.length}
        map={run && mapSettings.shown ? map.data : undefined}
        mapRun={run}
        opacity={mapSettings.opacity}
        madeBy={runs.find(({ id }) => id === shownSeries?.run_id)}
      />
      <AiPanel
        detail={detail}
        shownInstance={shown?.instance.sop_instance_uid}
        mappedRun={run?.id}
        map={map.data}
        mapSettings={mapSettings}
        onMapSettings={setMapSettings}
        onOpenImage={openImage}
      />
    </div>
  );
}

interface ReadingKeys {
  windows: ReturnType<typeof windowsFor>;
  toggleMap: () => void;
  setTool: (tool: Tool) => void;
  view: ReturnType<typeof useStackView>;
}

function useReadingKeys({ windows, toggleMap, setTool, view }: ReadingKeys): void {
  const navigate = useNavigate();
  const back = useWorklistAddress();
  const { previous, next } = useNeighbours();
  const go = (address: string | undefined) => {
    if (address !== undefined) void navigate(address);
  };
  const presets = windows.map((window, index) => ({
    key: String(index + 1),
    what: `Window: ${window.name}`,
    run: () => view.setWindow(window),
  }));
  useShortcuts('Reading', [
    { key: 'h', what: 'Show or hide the AI map', run: toggleMap },
    { key: 'i', what: 'Invert', run: view.toggleInvert },
    { key: 'r', what: 'Reset', run: view.reset },
    { key: 'w', what: 'Mouse: window', run: () => setTool('window') },
    { key: 'z', what: 'Mouse: zoom', run: () => setTool('zoom') },
    { key: 'p', what: 'Mouse: pan', run: () => setTool('pan') },
    { key: 'ArrowDown', what: 'Next image of the series', run: () => view.step(1) },
    { key: 'ArrowUp', what: 'Previous image of the series', run: () => view.step(-1) },
    { key: 'j', what: 'Next study', run: () => go(next) },
    { key: 'k', what: 'Previous study', run: () => go(previous) },
    { key: 'Escape', what: 'Back to the worklist', run: () => void navigate(...back) },
    ...presets,
  ]);
}
