import { Button, Group, Slider, Stack, Switch, Text } from '@mantine/core';
import type { Run, RunMap } from '../../api/types';
import { durationText, scoreText } from '../../parts/words';
import { infernoGradient } from './colormap';
import type { MapSettings } from './mapSettings';
import classes from './RunCard.module.css';

interface MapControlProps {
  run: Run;
  readShownImage: boolean;
  map: RunMap | undefined;
  settings: MapSettings;
  onSettings: (settings: MapSettings) => void;
  onOpenImage: (sopInstanceUid: string) => void;
}

/** Switch, opacity and legend of the AI map, or why there is none yet. */
export function MapControl({ run, readShownImage, map, settings, onSettings, onOpenImage }: MapControlProps) {
  if (run.map.state === 'none') return null;
  if (run.map.state !== 'stored') {
    return (
      <Text size="sm" c="dimmed" className={classes.map}>
        {run.map.state === 'pending'
          ? 'The map follows: the image is read again with each patch hidden.'
          : 'The map could not be made. The finding above does not depend on it.'}
      </Text>
    );
  }
  if (!readShownImage) {
    return (
      <div className={classes.map}>
        <Button variant="default" size="compact-sm" onClick={() => onOpenImage(run.sop_instance_uid)}>
          Show the image it read, with the map
        </Button>
      </div>
    );
  }
  return (
    <Stack gap={8} className={classes.map}>
      <Switch
        size="sm"
        label="Map over the image (h)"
        checked={settings.shown}
        onChange={(event) => onSettings({ ...settings, shown: event.currentTarget.checked })}
      />
      {settings.shown && map && (
        <>
          <Group gap="sm" wrap="nowrap">
            <Text size="sm" c="dimmed">
              Opacity
            </Text>
            <Slider
              flex={1}
              size="sm"
              min={0.1}
              max={1}
              step={0.05}
              label={(value) => `${Math.round(value * 100)} %`}
              value={settings.opacity}
              onChange={(opacity) => onSettings({ ...settings, opacity })}
              thumbLabel="Opacity of the AI map"
            />
          </Group>
          <MapLegend map={map} ms={run.map.ms} />
        </>
      )}
    </Stack>
  );
}

function MapLegend({ map, ms }: { map: RunMap; ms: number | null | undefined }) {
  return (
    <div>
      <div className={classes.gradient} style={{ background: infernoGradient }} aria-hidden />
      <Group justify="space-between">
        <span className="mono dim">0</span>
        <span className="mono dim">score −{scoreText(map.drop_max)}</span>
      </Group>
      <Text size="xs" c="dimmed">
        {map.legend}
        {ms != null && ` Computed in ${durationText(ms)}.`}
      </Text>
    </div>
  );
}
