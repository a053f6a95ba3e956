import type { Locator, Page } from '@playwright/test';
import { password, readSamples, type Server, startUsedServer } from '../src/server';
import { expect, keepScreenshot, meansOf, rowOf, signIn, spreadOf, test } from '../src/test';
import { sendVolume, type Volume } from '../src/volume';

/** Films whose frames a viewer must decode: JPEG lossless, JPEG-LS, JPEG 2000, RLE. */
const compressed = [
  'film-07-normal.dcm',
  'film-13-pneumonia.dcm',
  'film-10-pneumonia.dcm',
  'film-05-normal.dcm',
];
/** What an image spreads over, of 255 greys; an empty viewport spreads over none. */
const spreadMin = 20;

let server: Server;
let volume: Volume;
test.beforeAll(async () => {
  server = await startUsedServer('film-09-pneumonia.dcm', ...compressed);
  volume = await sendVolume(server, 'E2E', 12);
});
test.afterAll(() => server.stop());

function ohif(study: string): string {
  return `${server.http}/ohif/viewer?StudyInstanceUIDs=${study}`;
}

/** The same, drawn without WebGL, which is slow without a GPU. */
function quickOhif(study: string): string {
  return `${ohif(study)}&viewportRendering=cpu`;
}

async function studyOf(file: string): Promise<string> {
  const sample = (await readSamples()).find((each) => each.file === file);
  if (sample === undefined) throw new Error(`there is no sample ${file}`);
  return sample.study_instance_uid;
}

/** The canvas that OHIF's first viewport draws on, once an image is on it. */
async function drawnCanvas(page: Page): Promise<Locator> {
  const canvas = page.locator('[data-cy="viewport-pane"] canvas').first();
  await expect.poll(() => spreadOf(canvas), { timeout: 30_000 }).toBeGreaterThan(spreadMin);
  return canvas;
}

test('a study of the list opens in OHIF with the session of the person', async ({ page }) => {
  await signIn(page, server);
  await rowOf(page, volume.patientId)
    .getByRole('button', { name: /^Actions for/ })
    .click();
  const opened = page.waitForEvent('popup');
  await page.getByRole('menuitem', { name: 'Open in OHIF' }).click();
  const viewer = await opened;
  await expect(viewer).toHaveURL(ohif(volume.study));
  await viewer.goto(quickOhif(volume.study));
  const canvas = await drawnCanvas(viewer);
  await expect(viewer.getByText('Not for clinical use')).toBeVisible();
  await viewer.getByRole('button', { name: 'Confirm and hide' }).click();

  const first = await meansOf(canvas);
  await canvas.hover();
  for (let step = 1; step < volume.slices / 2; step += 1) await viewer.mouse.wheel(0, 100);
  await expect(viewer.getByText(new RegExp(`${volume.slices / 2}/${volume.slices}`))).toBeVisible();
  // The ball is widest in the middle.
  await expect.poll(async () => (await meansOf(canvas)).red).toBeGreaterThan(first.red + 10);
  await keepScreenshot(viewer, 'ohif-ct');
});

test('whoever is not signed in is led back to the study afterwards', async ({ page }) => {
  await page.goto(quickOhif(volume.study));
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByLabel('Name').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(quickOhif(volume.study));
  await drawnCanvas(page);
});

test('OHIF decodes every compressed encoding under our policy', async ({ page }) => {
  await signIn(page, server);
  test.slow();
  for (const file of compressed) {
    await page.goto(quickOhif(await studyOf(file)));
    await drawnCanvas(page);
  }
});

test('what AI wrote and drew opens in OHIF', async ({ page }) => {
  await signIn(page, server);
  const study = await studyOf('film-09-pneumonia.dcm');
  await page.getByRole('link', { name: 'Film, Pneumonia One' }).click();
  await expect(page.getByRole('list', { name: 'Result objects' }).getByRole('listitem')).toHaveCount(2);
  await expect(page.getByRole('link', { name: 'Open in OHIF' })).toHaveAttribute('href', /^\/ohif\/viewer/);

  await page.goto(quickOhif(study));
  await drawnCanvas(page);
  await page.getByRole('button', { name: 'Confirm and hide' }).click();
  await page.getByText('AI map').dblclick();
  await drawnCanvas(page);
  await keepScreenshot(page, 'ohif-capture');
  await page.getByText(/^SR$/).dblclick();
  await expect(page.getByText('Imaging Measurement Report')).toBeVisible();
  await expect(page.getByText('Restriction of use: Not for clinical use')).toBeVisible();
  await keepScreenshot(page, 'ohif-report');
});

test('what OHIF stores passes the guard against foreign pages', async ({ page, complaints }) => {
  await signIn(page, server);
  await page.goto(`${server.http}/ohif`);
  await expect(page.getByText('Phantom, Ball')).toBeVisible();
  const post = () => {
    const request = new XMLHttpRequest();
    request.open('POST', '/dicomweb/studies');
    request.send();
    return new Promise<number>((resolve) => {
      request.onloadend = () => resolve(request.status);
    });
  };
  // Understood and found wanting, not refused by the guard (403).
  complaints.expected.add(415);
  expect(await page.evaluate(post)).toBe(415);
});

test("OHIF's own list is there too, and ends with the session", async ({ page, complaints }) => {
  await signIn(page, server);
  await page.goto(`${server.http}/ohif`);
  await expect(page.getByRole('row').filter({ hasText: 'Phantom, Ball' })).toContainText('Ball in air');
  await keepScreenshot(page, 'ohif-list');

  const patient = page.getByRole('textbox').first();
  await patient.fill('phantom');
  await expect(page.getByRole('row').filter({ hasText: 'Film, ' })).toHaveCount(0);
  await expect(page.getByRole('row').filter({ hasText: 'Phantom, Ball' })).toHaveCount(1);

  await page.context().clearCookies();
  complaints.expected.add(401);
  await patient.fill('film');
  await expect(page).toHaveURL(/\/login\?next=%2Fohif/);
  // OHIF tells the console of the refusal, too.
  complaints.found = complaints.found.filter((each) => !/request failed|Sign in first/.test(each));
});
