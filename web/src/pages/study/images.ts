/** From a series of the API to the images that the viewport shows. */
import { utilities } from '@cornerstonejs/metadata';
import { type DicomJson, fetchMetadata, instancePath } from '../../api/dicomweb';
import type { Instance, Series } from '../../api/types';

/** One picture: an instance, or one frame of it. */
export interface ViewerImage {
  /** Cornerstone's address of the frame, `wadors:` and its URL. */
  imageId: string;
  instance: Instance;
  /** Attributes of the instance, without pixels. */
  attributes: DicomJson;
}

function byNumber(one: Instance, other: Instance): number {
  return (one.instance_number ?? 0) - (other.instance_number ?? 0);
}

export function imageInstances(series: Series): Instance[] {
  return series.instances.filter(({ is_image }) => is_image).sort(byNumber);
}

const spacingTags = ['00280030', '00181164'];

/** Some scanners write a pixel spacing of zero, which no geometry survives; without one, pixels are square. */
function withUsableSpacing(attributes: DicomJson): DicomJson {
  const useless = spacingTags.filter((tag) => numbersOf(attributes, tag).some((spacing) => spacing <= 0));
  return Object.fromEntries(Object.entries(attributes).filter(([tag]) => !useless.includes(tag)));
}

const registered = new Set<string>();

/** Cornerstone finds an instance's attributes by the address before `/frames/`; it wants each only once. */
function register(base: string, attributes: DicomJson): void {
  if (registered.has(base)) return;
  registered.add(base);
  utilities.addDicomWebInstance(`${base}/frames/1`, withUsableSpacing(attributes));
}

/** All pictures of a series in order, their attributes known to Cornerstone. */
export async function loadImages(study: string, series: Series): Promise<ViewerImage[]> {
  const perInstance = imageInstances(series).map(async (instance) => {
    const address = {
      study,
      series: series.series_instance_uid,
      instance: instance.sop_instance_uid,
    };
    const attributes = await fetchMetadata(address);
    const base = `wadors:${location.origin}${instancePath(address)}`;
    register(base, attributes);
    return Array.from({ length: Math.max(1, instance.frames) }, (_, frame) => {
      return { imageId: `${base}/frames/${frame + 1}`, instance, attributes };
    });
  });
  return (await Promise.all(perInstance)).flat();
}

/** The first value of an attribute as text, such as the photometric interpretation. */
export function textOf(attributes: DicomJson, tag: string): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** All numeric values of an attribute; DS and IS may come as text or number (PS3.18 §F.2.3). */
export function numbersOf(attributes: DicomJson, tag: string): number[] {
  return (attributes[tag]?.Value ?? []).map(Number).filter(Number.isFinite);
}
