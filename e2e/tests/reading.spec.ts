import { type Server, startUsedServer } from '../src/server';
import {
  expect,
  imageCanvas,
  imageIsShown,
  keepScreenshot,
  mapCanvas,
  meansOf,
  openStudy,
  rowOf,
  signIn,
  test,
} from '../src/test';

let server: Server;
test.beforeAll(async () => {
  server = await startUsedServer('film-09-pneumonia.dcm', 'film-01-normal.dcm', 'rg1.dcm');
});
test.afterAll(() => server.stop());

test('a study appears by itself, with what AI found beside its threshold', async ({ page }) => {
  await signIn(page, server);
  await expect(rowOf(page, 'FILM-09')).toContainText(/Pneumonia\s*1\.00\s*thr 0\.50/);
  await server.send('E2E', 'film-14-pneumonia.dcm');
  const pneumonia = rowOf(page, 'FILM-14');
  await expect(pneumonia).toContainText('Film, Pneumonia Six');
  await expect(pneumonia.getByText('Found', { exact: true })).toBeVisible();
  await expect(pneumonia).toContainText(/Pneumonia\s*0\.90\s*thr 0\.50/);
  // What was acquired, not what AI added to it.
  await expect(pneumonia.getByRole('cell', { name: 'DX', exact: true })).toBeVisible();
  const normal = rowOf(page, 'FILM-01');
  await expect(normal.getByText('Nothing found')).toBeVisible();
  await expect(normal).toContainText(/0\.02\s*thr 0\.50/);
  await expect(rowOf(page, '9RG1').getByText('Rejected')).toBeVisible();
  await keepScreenshot(page, 'worklist');
});

test('filters and search narrow the list, and stay in the address', async ({ page }) => {
  await signIn(page, server);
  await page.getByRole('button', { name: 'Rejected' }).click();
  await expect(page.getByText('1 study', { exact: true })).toBeVisible();
  await expect(page).toHaveURL(/ai=rejected/);
  await page.reload();
  await expect(page.getByRole('button', { name: 'Rejected' })).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('textbox', { name: /Filter/ }).fill('nobody');
  await page.getByRole('button', { name: 'Show all studies' }).click();
  await page.getByRole('textbox', { name: /Filter/ }).fill('FILM-01');
  await expect(rowOf(page, 'FILM-09')).toHaveCount(0);
  await expect(rowOf(page, 'FILM-01')).toHaveCount(1);
});

test('a study shows its image, its finding, and that it is not for clinical use', async ({ page }) => {
  await signIn(page, server);
  await openStudy(page, 'FILM-09');
  const panel = page.getByRole('complementary', { name: 'AI results' });
  const run = panel.getByRole('region', { name: /Chest film pneumonia/ });
  await expect(page.getByRole('heading', { name: 'Film, Pneumonia One' })).toBeVisible();
  await expect(run.getByText('Not for clinical use')).toBeVisible();
  const finding = run.getByRole('list', { name: 'Findings' }).getByRole('listitem');
  await expect(finding).toContainText(/Pneumonia\s*Positive\s*1\.00\s*thr 0\.50/);
  await run.getByText('Not for clinical use').hover();
  await expect(page.getByRole('tooltip')).toContainText('Intended use: Frontal chest radiograph');
  expect((await meansOf(imageCanvas(page))).red).toBeGreaterThan(30);
});

test('the AI map lies over the image and goes off with one key', async ({ page }) => {
  await signIn(page, server);
  await openStudy(page, 'FILM-09');
  const shown = page.getByRole('switch', { name: /Map over the image/ });
  await expect(shown).toBeChecked({ timeout: 40_000 });
  await expect(page.getByText('AI map', { exact: true }).last()).toBeVisible();
  await expect.poll(async () => (await meansOf(mapCanvas(page))).alpha).toBeGreaterThan(0.5);
  const before = await meansOf(mapCanvas(page));
  await keepScreenshot(page, 'study-with-map');

  await page.getByRole('slider', { name: 'Opacity of the AI map' }).press('ArrowRight');
  await expect.poll(async () => (await meansOf(mapCanvas(page))).alpha).toBeGreaterThan(before.alpha);
  await page.keyboard.press('h');
  await expect(shown).not.toBeChecked();
  await expect.poll(async () => (await meansOf(mapCanvas(page))).alpha).toBe(0);
  await page.keyboard.press('h');
  await expect.poll(async () => (await meansOf(mapCanvas(page))).alpha).toBeGreaterThan(0.5);
});

test('the image can be inverted, windowed, zoomed and reset, and the map follows', async ({ page }) => {
  await signIn(page, server);
  await openStudy(page, 'FILM-09');
  const canvas = imageCanvas(page);
  const original = (await meansOf(canvas)).red;

  await page.getByRole('button', { name: 'Invert' }).click();
  await expect(page.getByText('Inverted', { exact: true })).toBeVisible();
  const inverted = (await meansOf(canvas)).red;
  expect(Math.abs(inverted - original)).toBeGreaterThan(5);
  await page.keyboard.press('r');
  await expect.poll(async () => (await meansOf(canvas)).red).toBeCloseTo(original, 0);

  await page.keyboard.press('4');
  await expect.poll(async () => Math.abs((await meansOf(canvas)).red - original)).toBeGreaterThan(3);
  await page.keyboard.press('r');

  const box = await canvas.boundingBox();
  if (box === null) throw new Error('the image has no place on the page');
  const zoom = page.getByText(/^Zoom/);
  const fitted = await zoom.textContent();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down({ button: 'right' });
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 - 90, { steps: 5 });
  await page.mouse.up({ button: 'right' });
  await expect(zoom).not.toHaveText(fitted ?? '');
  expect((await meansOf(canvas)).red).not.toBeCloseTo(original, 0);
  await page.keyboard.press('r');
  await expect(zoom).toHaveText(fitted ?? '');
});

test('what AI made opens like any image and is marked as made by AI', async ({ page }) => {
  await signIn(page, server);
  await openStudy(page, 'FILM-09');
  await page.getByRole('list', { name: 'Result objects' }).getByRole('button', { name: /overlay/ }).click();
  await expect(page.getByText('AI result', { exact: true })).toBeVisible();
  await imageIsShown(page);
  const coloured = await imageCanvas(page).evaluate((element: HTMLCanvasElement) => {
    const pixels = element.getContext('2d')?.getImageData(0, 0, element.width, element.height).data ?? [];
    let count = 0;
    for (let index = 0; index < pixels.length; index += 4) {
      if (Math.abs((pixels[index] ?? 0) - (pixels[index + 2] ?? 0)) > 20) count += 1;
    }
    return count;
  });
  expect(coloured).toBeGreaterThan(100);
  await keepScreenshot(page, 'secondary-capture');
  await page.getByRole('button', { name: 'Show the image it read, with the map' }).click();
  await expect(page.getByRole('switch', { name: /Map over the image/ })).toBeVisible();
});

test('a refused study says why, and runs when a person insists, with the reason on the result', async ({ page }) => {
  await signIn(page, server);
  await openStudy(page, '9RG1');
  const panel = page.getByRole('complementary', { name: 'AI results' });
  await expect(panel.getByText('Rejected')).toBeVisible();
  await expect(panel.getByText(/Outside the intended use: the patient's age is 64 years/)).toBeVisible();
  await keepScreenshot(page, 'refused');

  await panel.getByRole('button', { name: 'Run anyway…' }).click();
  const insist = panel.getByRole('button', { name: 'Run outside intended use' });
  await expect(insist).toBeDisabled();
  await panel.getByRole('textbox', { name: /Why should it run/ }).fill('Second look asked for by the ward');
  await insist.click();
  await expect(panel.getByText('Ran outside its intended use')).toBeVisible();
  await expect(panel.getByText('“Second look asked for by the ward”')).toBeVisible();
  await expect(panel.getByRole('list', { name: 'Findings' })).toContainText(/thr 0\.50/);
  await expect(panel.getByRole('button', { name: 'Run anyway…' })).toHaveCount(0);
  await keepScreenshot(page, 'overridden');
});

test('the whole way by keyboard', async ({ page }) => {
  await signIn(page, server);
  await expect(rowOf(page, 'FILM-01')).toBeVisible();
  const opened = rowOf(page, 'FILM-01').getByRole('link');
  const links = page.getByRole('table', { name: 'Studies' }).getByRole('link');
  const position = (await links.allTextContents()).indexOf((await opened.textContent()) ?? '');
  for (let step = 0; step <= position; step += 1) await page.keyboard.press('j');
  await expect(opened).toBeFocused();
  await page.keyboard.press('Enter');
  await imageIsShown(page);

  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(help.getByText('Show or hide the AI map')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(help).toBeHidden();

  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: 'Read', level: 1 })).toBeVisible();
  // The list keeps its place.
  await expect(opened).toBeFocused();

  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Open in OHIF' })).toBeVisible();
  await page.keyboard.press('Escape');

  await page.keyboard.press('Control+k');
  await page.getByRole('textbox', { name: 'Search studies and pages' }).fill('FILM-09');
  await expect(page.getByRole('dialog').getByText('Film, Pneumonia One')).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Film, Pneumonia One' })).toBeVisible();
});
