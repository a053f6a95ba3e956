import { chromiumArguments } from '../playwright.config';
import { comparesAll } from '../src/greys';
import { readSamples, type Sample, type Server, startUsedServer } from '../src/server';
import { expect, imageIsShown, mapCanvas, signIn, test } from '../src/test';

let server: Server;
let films: Sample[];
test.beforeAll(async () => {
  films = (await readSamples()).filter(({ file }) => file.startsWith('film-'));
  server = await startUsedServer(...films.map(({ file }) => file));
});
test.afterAll(() => server.stop());

test.use({
  launchOptions: async ({ launchOptions }, use) => {
    await use({ ...launchOptions, args: [...chromiumArguments, '--disable-3d-apis'] });
  },
});

test('each encoding shows its greys when the CPU draws', async ({ page }) => {
  test.slow();
  await signIn(page, server);
  await comparesAll(page, server, films);
});

test('the AI map covers the image exactly', async ({ page }) => {
  await page.route('**/map', (route) =>
    route.fulfill({
      json: { rows: 2, columns: 2, values: [1, 1, 1, 1], method: 'all', drop_max: 1, legend: 'all' },
    }),
  );
  await signIn(page, server);
  await page.goto(`${server.http}/read/${films[8]?.study_instance_uid}`);
  await imageIsShown(page);
  await expect(mapCanvas(page)).toHaveAttribute('data-map', 'shown', { timeout: 40_000 });
  const covered = await mapCanvas(page).evaluate((element: HTMLCanvasElement) => {
    const { width, height } = element;
    const pixels = element.getContext('2d')?.getImageData(0, 0, width, height).data ?? [];
    const opaque = (x: number, y: number) => (pixels[(y * width + x) * 4 + 3] ?? 0) > 20;
    const columns = Array.from({ length: width }, (_, x) => x).filter((x) => opaque(x, height >> 1));
    const rows = Array.from({ length: height }, (_, y) => y).filter((y) => opaque(width >> 1, y));
    return columns.length / rows.length;
  });
  // Film 9 has 968 × 592 square pixels.
  expect(covered).toBeCloseTo(968 / 592, 1);
});
