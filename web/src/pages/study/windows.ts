/** The windows behind the keys 1–9: the image's own first, then what its modality needs. */
import type { DicomJson } from '../../api/dicomweb';
import { numbersOf, textOf } from './attributes';
import { type GreyRange, greyTransform, rangeOfWindow } from './presentation';

export interface Window extends GreyRange {
  name: string;
}

const ctWindows = [
  { name: 'Soft tissue', width: 400, center: 40 },
  { name: 'Lung', width: 1500, center: -600 },
  { name: 'Bone', width: 1800, center: 400 },
  { name: 'Brain', width: 80, center: 40 },
  { name: 'Mediastinum', width: 350, center: 50 },
  { name: 'Liver', width: 150, center: 30 },
].map(({ name, width, center }) => ({ name, ...rangeOfWindow({}, center, width) }));

/** Window Center, Width and their explanations (PS3.3 §C.11.2.1.2), or the range of the image's own curve. */
function ownWindows(attributes: DicomJson): Window[] {
  const curved = greyTransform(attributes)?.range;
  if (curved !== undefined) return [{ name: 'From the image', ...curved }];
  const widths = numbersOf(attributes, '00281051');
  const names = (attributes['00281055']?.Value ?? []).map(String);
  return numbersOf(attributes, '00281050').flatMap((center, index) => {
    const width = widths[index];
    if (!width) return [];
    const name = names[index] || (widths.length > 1 ? `From the image, ${index + 1}` : 'From the image');
    return [{ name, ...rangeOfWindow(attributes, center, width) }];
  });
}

/** A part of a window, from `from` to `to` of its width. */
function part(name: string, { lower, upper }: GreyRange, from: number, to: number): Window {
  const width = upper - lower;
  return { name, lower: lower + from * width, upper: lower + to * width };
}

/** Nine at most; `values` are the lowest and highest that occur in the image. */
export function windowsFor(attributes: DicomJson, values: GreyRange): Window[] {
  const full = part('Full range', values, 0, 1);
  const own = ownWindows(attributes);
  if (textOf(attributes, '00080060') === 'CT') return [...own.slice(0, 2), ...ctWindows, full].slice(0, 9);
  const base = own[0] ?? full;
  const derived = [
    part('More contrast', base, 0.2, 0.8),
    part('Less contrast', base, -0.25, 1.25),
    part('Darker half', base, 0, 0.5),
    part('Brighter half', base, 0.5, 1),
  ];
  return [...own.slice(0, 4), full, ...derived];
}
