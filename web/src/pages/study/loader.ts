/** Loads a frame through Cornerstone's DICOMweb loader and makes its values ready for a plain window. */
import { type Types, utilities } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';
import type { DicomJson } from '../../api/dicomweb';
import { numbersOf } from './attributes';
import { attributesOf } from './images';
import { type GreyRange, greyTransform, rangeOfWindow, startsInverted } from './presentation';

/** An image loader of Cornerstone for `wadors:` addresses that `loadImages` has made known. */
export const loadFrame: Types.ImageLoaderFn = (imageId, options) => {
  const { promise, cancelFn } = wadors.loadImage(imageId, options) as unknown as {
    promise: Promise<Types.IImage>;
    cancelFn?: () => void;
  };
  return { promise: promise.then((image) => prepare(image, attributesOf(imageId))), cancelFn };
};

/** Applies what the renderers would not, and sets the window that the image is first shown with. */
function prepare(image: Types.IImage, attributes: DicomJson | undefined): Types.IImage {
  if (image.color || attributes === undefined) return image;
  const transform = greyTransform(attributes);
  if (transform !== undefined) replacePixels(image, transform.apply);
  const { lower, upper } = transform?.range ?? firstRange(attributes, image);
  image.windowWidth = upper - lower + 1;
  image.windowCenter = (upper + lower + 1) / 2;
  image.invert = startsInverted(attributes);
  return image;
}

/** The first window of the image, else all of its values; narrow ones keep their place between black and white. */
function firstRange(attributes: DicomJson, image: Types.IImage): GreyRange {
  const [center] = numbersOf(attributes, '00281050');
  const [width] = numbersOf(attributes, '00281051');
  if (center !== undefined && width) return rangeOfWindow(attributes, center, width);
  const [bitsStored = 16] = numbersOf(attributes, '00280101');
  if (bitsStored <= 8) return { lower: 0, upper: 2 ** bitsStored - 1 };
  return { lower: image.minPixelValue, upper: image.maxPixelValue };
}

function replacePixels(image: Types.IImage, apply: (value: number) => number): void {
  const pixels = Uint16Array.from(image.getPixelData(), (value) => Math.round(apply(value)));
  const { min, max } = extremes(pixels);
  Object.assign(image, {
    getPixelData: () => pixels,
    voxelManager: utilities.VoxelManager.createImageVoxelManager({
      scalarData: pixels,
      width: image.columns,
      height: image.rows,
      numberOfComponents: 1,
    }),
    imageFrame: { ...image.imageFrame, pixelData: pixels },
    dataType: 'Uint16Array',
    sizeInBytes: pixels.byteLength,
    minPixelValue: min,
    maxPixelValue: max,
  });
}

function extremes(pixels: Uint16Array): { min: number; max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of pixels) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { min, max };
}
