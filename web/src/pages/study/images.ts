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

const registered = new Set<string>();

function byNumber(one: Instance, other: Instance): number {
  return (one.instance_number ?? 0) - (other.instance_number ?? 0);
}

export function imageInstances(series: Series): Instance[] {
  return series.instances.filter(({ is_image }) => is_image).sort(byNumber);
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
    return Array.from({ length: Math.max(1, instance.frames) }, (_, frame) => {
      const imageId = `wadors:${location.origin}${instancePath(address)}/frames/${frame + 1}`;
      if (!registered.has(imageId)) utilities.addDicomWebInstance(imageId, attributes);
      registered.add(imageId);
      return { imageId, instance, attributes };
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
