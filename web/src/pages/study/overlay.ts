/** Draws the occlusion map of a run over the image that the run read. */
import { getShouldUseCPURendering, type StackViewport, type Types } from '@cornerstonejs/core';
import type { RunMap } from '../../api/types';
import { infernoAt } from './colormap';

/** An affine map (a c e / b d f) as `CanvasRenderingContext2D.setTransform` takes it. */
export type Affine = [a: number, b: number, c: number, d: number, e: number, f: number];

/** From image coordinates (0,0 at the outer corner of the first pixel) to CSS pixels of the viewport. */
export function imageToViewport(viewport: StackViewport): Affine | undefined {
  const data = viewport.getImageData();
  if (!data) return undefined;
  const { origin, direction, spacing } = data;
  // vtk.js puts the world's origin at the centre of the first pixel, the CPU renderer at its corner.
  const corner = getShouldUseCPURendering() ? 0 : -0.5;
  const at = (column: number, row: number): Types.Point2 => {
    const world = [0, 1, 2].map(
      (axis) =>
        (origin[axis] ?? 0) +
        (column + corner) * (spacing[0] ?? 1) * (direction[axis] ?? 0) +
        (row + corner) * (spacing[1] ?? 1) * (direction[axis + 3] ?? 0),
    );
    return viewport.worldToCanvas(world as Types.Point3);
  };
  const [zero, right, down] = [at(0, 0), at(1, 0), at(0, 1)];
  return [right[0] - zero[0], right[1] - zero[1], down[0] - zero[0], down[1] - zero[1], zero[0], zero[1]];
}

/** The grid as a bitmap of one pixel per patch; what did not matter stays clear. */
export function mapBitmap(map: RunMap): HTMLCanvasElement {
  const bitmap = document.createElement('canvas');
  bitmap.width = map.columns;
  bitmap.height = map.rows;
  const context = bitmap.getContext('2d');
  if (context === null) return bitmap;
  const pixels = context.createImageData(map.columns, map.rows);
  map.values.forEach((value, index) => {
    const [red, green, blue] = infernoAt(value);
    pixels.data.set([red, green, blue, Math.round(255 * Math.min(1, Math.max(0, value)))], index * 4);
  });
  context.putImageData(pixels, 0, 0);
  return bitmap;
}

interface OverlayDrawing {
  bitmap: HTMLCanvasElement;
  transform: Affine;
  /** Size of the image in its own pixels. */
  columns: number;
  rows: number;
  opacity: number;
}

/** Fits the canvas to its place on screen and clears it; draws only when there is something to draw. */
export function drawOverlay(canvas: HTMLCanvasElement, drawing: OverlayDrawing | undefined): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const context = canvas.getContext('2d');
  if (context === null || drawing === undefined) return;
  const { bitmap, transform, columns, rows, opacity } = drawing;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.transform(...transform);
  context.beginPath();
  context.rect(0, 0, columns, rows);
  context.clip();
  context.globalAlpha = opacity;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, columns, rows);
}
