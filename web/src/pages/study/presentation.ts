/**
 * From stored values to greys where a plain window does not say it: lookup tables (PS3.3 §C.11.1, §C.11.2), the
 * sigmoid (§C.11.2.1.3.1) and exact windows (§C.11.2.1.3.2). Cornerstone's renderers know some of these on the GPU and
 * others on the CPU only, so they are applied here, once, to the pixels, and both renderers see plain values.
 */
import type { DicomAttribute, DicomJson } from '../../api/dicomweb';
import { numbersOf, textOf } from './attributes';

/** The values shown black and white; between them greys are linear. */
export interface GreyRange {
  lower: number;
  upper: number;
}

/** What is done to the values of an image before a window applies. */
export interface GreyTransform {
  /** From a value after rescale slope and intercept. */
  apply: (value: number) => number;
  /** The window of the results; undefined where the image's own windows apply to them. */
  range: GreyRange | undefined;
}

/** Outputs of the sigmoid reach from 0 to this. */
const sigmoidMax = 65_535;

/** The steps that this image needs, or undefined where a window alone shows it. */
export function greyTransform(attributes: DicomJson): GreyTransform | undefined {
  const modality = lookupTable(attributes['00283000']);
  const voi = lookupTable(attributes['00283010']) ?? sigmoid(attributes);
  if (modality === undefined && voi === undefined) return undefined;
  return {
    apply: (value) => {
      const output = modality ? modality.apply(value) : value;
      return voi ? voi.apply(output) : output;
    },
    range: voi && { lower: 0, upper: voi.outputMax },
  };
}

/** The ends of a window, by the function that the image names (PS3.3 §C.11.2.1.2.1, §C.11.2.1.3.2). */
export function rangeOfWindow(attributes: DicomJson, center: number, width: number): GreyRange {
  if (textOf(attributes, '00281056') === 'LINEAR_EXACT') {
    return { lower: center - width / 2, upper: center + width / 2 };
  }
  return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 };
}

/** Window width and center as a person knows them (PS3.3 §C.11.2.1.2.1), rounded. */
export function widthAndCenter({ lower, upper }: GreyRange): [width: number, center: number] {
  return [Math.round(upper - lower + 1), Math.round((upper + lower + 1) / 2)];
}

/** Whether the lowest value is white: the presentation LUT shape decides before the photometric interpretation. */
export function startsInverted(attributes: DicomJson): boolean {
  const shape = textOf(attributes, '20500020');
  if (shape === 'INVERSE' || shape === 'IDENTITY') return shape === 'INVERSE';
  return textOf(attributes, '00280004') === 'MONOCHROME1';
}

interface Curve {
  apply: (value: number) => number;
  outputMax: number;
}

function sigmoid(attributes: DicomJson): Curve | undefined {
  const [center] = numbersOf(attributes, '00281050');
  const [width] = numbersOf(attributes, '00281051');
  if (textOf(attributes, '00281056') !== 'SIGMOID' || center === undefined || !width) return undefined;
  return {
    apply: (value) => sigmoidMax / (1 + Math.exp((-4 * (value - center)) / width)),
    outputMax: sigmoidMax,
  };
}

/** The first item of a LUT sequence; beyond its ends the first and last entries hold (PS3.3 §C.11.1.1.1). */
function lookupTable(sequence: DicomAttribute | undefined): Curve | undefined {
  const item = sequence?.Value?.[0] as DicomJson | undefined;
  const [count, first, bits] = item ? numbersOf(item, '00283002') : [];
  if (item === undefined || count === undefined || first === undefined || bits === undefined)
    return undefined;
  // 65,536 entries do not fit the descriptor's two bytes and are written as 0.
  const entries = lutData(item['00283006'], count & 0xffff || 0x10000);
  if (entries.length === 0) return undefined;
  const last = entries.length - 1;
  return {
    apply: (value) => entries[Math.min(last, Math.max(0, Math.round(value - first)))] ?? 0,
    outputMax: 2 ** Math.min(16, Math.max(1, bits)) - 1,
  };
}

/** LUT Data come as numbers (US) or as little-endian bytes (OW), two for an entry or, if too few for that, one. */
function lutData(attribute: DicomAttribute | undefined, count: number): ArrayLike<number> {
  if (attribute?.InlineBinary === undefined) return (attribute?.Value ?? []).map(Number);
  const bytes = Uint8Array.from(atob(attribute.InlineBinary), (character) => character.charCodeAt(0));
  if (bytes.length < 2 * count) return bytes;
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: count }, (_, entry) => view.getUint16(2 * entry, true));
}
