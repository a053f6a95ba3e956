/** Compares what the viewer draws with what the server renders: two implementations of one standard. */
import type { Page } from '@playwright/test';
import type { Sample, Server } from './server';
import { expect, imageCanvas, imageIsShown } from './test';

/** What scaling the same picture in two ways may differ by in the mean, of 255 greys. */
const greysApartMax = 4;

/** Mean distance, in greys of 255, between what the canvas shows and a picture of the whole image. */
async function distance(canvas: ReturnType<typeof imageCanvas>, picture: string): Promise<number> {
  return canvas.evaluate(async (shown: HTMLCanvasElement, address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const scale = Math.min(shown.width / image.width, shown.height / image.height);
    const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
    const fitted = new OffscreenCanvas(width, height);
    const context = fitted.getContext('2d');
    if (context === null) throw new Error('no canvas');
    context.drawImage(image, 0, 0, width, height);
    const expected = context.getImageData(0, 0, width, height).data;
    const [left, top] = [Math.round((shown.width - width) / 2), Math.round((shown.height - height) / 2)];
    const actual = shown.getContext('2d')?.getImageData(left, top, width, height).data ?? [];
    let sum = 0;
    for (let index = 0; index < expected.length; index += 4) {
      sum += Math.abs((expected[index] ?? 0) - (actual[index] ?? 0));
    }
    return sum / (expected.length / 4);
  }, picture);
}

/** However a film is encoded, the viewer shows the greys that the server renders. Needs a signed-in page. */
export async function comparesAll(page: Page, server: Server, films: Sample[]): Promise<void> {
  for (const film of films) {
    await page.goto(`${server.http}/read/${film.study_instance_uid}`);
    await imageIsShown(page);
    const series = `/dicomweb/studies/${film.study_instance_uid}/series/${film.series_instance_uid}`;
    const picture = `${series}/instances/${film.sop_instance_uid}/rendered`;
    const apart = await distance(imageCanvas(page), picture);
    expect.soft(apart, `${film.file}, ${film.encoding}`).toBeLessThan(greysApartMax);
  }
}
