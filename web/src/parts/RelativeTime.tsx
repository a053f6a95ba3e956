import { Tooltip } from '@mantine/core';
import { useSyncExternalStore } from 'react';

const tickMs = 15_000;
let now = Date.now();
const listeners = new Set<() => void>();
let ticker: number | undefined;

/** One clock for the whole page, so that a list of times costs one timer. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticker ??= window.setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(ticker);
    ticker = undefined;
  };
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
const dateOnly = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

/** "4 min ago"; after two weeks the date. */
function relativeText(at: number, from: number): string {
  const passed = Math.max(0, from - at);
  if (passed > 14 * 86_400_000) return dateOnly.format(at);
  const unit = units.find(([, length]) => passed >= length);
  return unit ? relative.format(-Math.floor(passed / unit[1]), unit[0]) : 'just now';
}

/** How long ago `at` (RFC 3339) was; the exact time on hover, in the zone of this computer. */
export function RelativeTime({ at }: { at: string }) {
  const from = useSyncExternalStore(subscribe, () => now);
  const time = Date.parse(at);
  const current = Math.max(from, Date.now() - tickMs);
  return (
    <Tooltip label={exact.format(time)}>
      <time dateTime={at} className="num">
        {relativeText(time, current)}
      </time>
    </Tooltip>
  );
}
