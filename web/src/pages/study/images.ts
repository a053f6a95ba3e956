/** From a series of the API to the images that the viewport shows. */
import { utilities } from '@cornerstonejs/metadata';
import { type DicomJson, fetchMetadata, instancePath } from '../../api/dicomweb';
import type { Instance, Series } from '../../api/types';
import { numbersOf } from './attributes';

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

const known = new Map<string, DicomJson>();

/** The attributes of the instance that a frame belongs to, once `loadImages` has retrieved them. */
export function attributesOf(imageId: string): DicomJson | undefined {
  return known.get(imageId.slice(0, imageId.indexOf('/frames/')));
}

/** What this viewer applies itself (presentation.ts) is kept from Cornerstone. */
const ownTags = ['00281056', '00283000', '00283010'];
const spacingTags = ['00280030', '00181164'];

/** Some scanners write a pixel spacing of zero, which no geometry survives; without one, pixels are square. */
function forCornerstone(attributes: DicomJson): DicomJson {
  const useless = spacingTags.filter((tag) => numbersOf(attributes, tag).some((spacing) => spacing <= 0));
  const left = [...ownTags, ...useless];
  return Object.fromEntries(Object.entries(attributes).filter(([tag]) => !left.includes(tag)));
}

/** Cornerstone finds an instance's attributes by the address before `/frames/`; it wants each only once. */
function register(base: string, attributes: DicomJson): void {
  if (known.has(base)) return;
  known.set(base, attributes);
  utilities.addDicomWebInstance(`${base}/frames/1`, forCornerstone(attributes));
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
