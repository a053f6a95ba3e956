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

/** Pixels of the bitmap for each patch and direction. */
const pixelsPerPatch = 8;

/** The grid at a place between its patches, whose values hold at their centres. */
function valueAt({ rows, columns, values }: RunMap, column: number, row: number): number {
  const x = Math.min(columns - 1, Math.max(0, column));
  const y = Math.min(rows - 1, Math.max(0, row));
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const at = (c: number, r: number) =>
    values[Math.min(rows - 1, r) * columns + Math.min(columns - 1, c)] ?? 0;
  const above = at(left, top) + (at(left + 1, top) - at(left, top)) * (x - left);
  const below = at(left, top + 1) + (at(left + 1, top + 1) - at(left, top + 1)) * (x - left);
  return above + (below - above) * (y - top);
}

/** The grid as a smooth bitmap: values are interpolated and then coloured, so that each colour is one of the legend. */
export function mapBitmap(map: RunMap): HTMLCanvasElement {
  const bitmap = document.createElement('canvas');
  bitmap.width = map.columns * pixelsPerPatch;
  bitmap.height = map.rows * pixelsPerPatch;
  const context = bitmap.getContext('2d');
  if (context === null) return bitmap;
  const pixels = context.createImageData(bitmap.width, bitmap.height);
  const place = (pixel: number) => (pixel + 0.5) / pixelsPerPatch - 0.5;
  for (let y = 0; y < bitmap.height; y += 1) {
    for (let x = 0; x < bitmap.width; x += 1) {
      const value = Math.min(1, Math.max(0, valueAt(map, place(x), place(y))));
      // What did not matter stays clear.
      pixels.data.set([...infernoAt(value), Math.round(255 * value)], (y * bitmap.width + x) * 4);
    }
  }
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
