/** The windows behind the keys 1–9: the image's own first, then what its modality needs. */
import type { DicomJson } from '../../api/dicomweb';
import { numbersOf, textOf } from './images';

export interface Window {
  name: string;
  width: number;
  center: number;
}

export interface PixelRange {
  min: number;
  max: number;
}

const ctWindows: Window[] = [
  { name: 'Soft tissue', width: 400, center: 40 },
  { name: 'Lung', width: 1500, center: -600 },
  { name: 'Bone', width: 1800, center: 400 },
  { name: 'Brain', width: 80, center: 40 },
  { name: 'Mediastinum', width: 350, center: 50 },
  { name: 'Liver', width: 150, center: 30 },
];

/** Window Center, Width and their explanations (PS3.3 §C.11.2.1.2). */
function ownWindows(attributes: DicomJson): Window[] {
  const centers = numbersOf(attributes, '00281050');
  const widths = numbersOf(attributes, '00281051');
  const names = (attributes['00281055']?.Value ?? []).map(String);
  return centers.flatMap((center, index) => {
    const width = widths[index];
    if (width === undefined) return [];
    const name = names[index] || (centers.length > 1 ? `From the image, ${index + 1}` : 'From the image');
    return [{ name, width, center }];
  });
}

/** Nine at most; `range` holds the values that occur in the image. */
export function windowsFor(attributes: DicomJson, range: PixelRange): Window[] {
  const full = {
    name: 'Full range',
    width: Math.max(1, range.max - range.min + 1),
    center: (range.max + range.min + 1) / 2,
  };
  const own = ownWindows(attributes);
  if (textOf(attributes, '00080060') === 'CT') return [...own.slice(0, 2), ...ctWindows, full].slice(0, 9);
  const base = own[0] ?? full;
  const derived = [
    { name: 'More contrast', width: base.width * 0.6, center: base.center },
    { name: 'Less contrast', width: base.width * 1.5, center: base.center },
    { name: 'Lower half', width: base.width / 2, center: base.center - base.width / 4 },
    { name: 'Upper half', width: base.width / 2, center: base.center + base.width / 4 },
  ];
  return [...own.slice(0, 4), full, ...derived];
}
