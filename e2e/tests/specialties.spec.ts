import { comparesAll } from '../src/greys';
import { readSpecialties, type Sample, type Server, startUsedServer } from '../src/server';
import { expect, goTo, imageIsShown, keepScreenshot, signIn, spreadOf, test } from '../src/test';

/** What an image spreads over, of 255 greys; an empty viewport spreads over none. */
const spreadMin = 20;

let server: Server;
let specialties: Sample[];
test.beforeAll(async () => {
  specialties = await readSpecialties();
  server = await startUsedServer(...specialties.map((each) => each.file));
});
test.afterAll(() => server.stop());

function named(file: string): Sample {
  const found = specialties.find((each) => each.file === file);
  if (found === undefined) throw new Error(`there is no ${file}`);
  return found;
}

test('eyes and teeth are listed by their modality and drawn as the server renders them', async ({ page }) => {
  await signIn(page, server);
  // The tomography's pixels are not square: drawn in their proportions, rendered as they are.
  const square = specialties.filter((each) => each.file !== 'eye-tomography.dcm');
  await comparesAll(page, server, square);
  for (const file of ['eye-fundus', 'eye-tomography', 'tooth-intraoral']) {
    await page.goto(`${server.http}/read/${named(`${file}.dcm`).study_instance_uid}`);
    await imageIsShown(page);
    await keepScreenshot(page, file);
  }
  await page.goto(server.http);
  await goTo(page, 'Studies');
  for (const modality of ['OP', 'OPT', 'IO', 'PX']) {
    await expect(page.getByRole('cell', { name: modality, exact: true })).toBeVisible();
  }
});

test('OHIF draws a photograph, a volume of several frames, and dental films', async ({ page }) => {
  test.slow();
  await signIn(page, server);
  for (const each of specialties) {
    const address = `${server.http}/ohif/viewer?StudyInstanceUIDs=${each.study_instance_uid}`;
    await page.goto(`${address}&viewportRendering=cpu`);
    const canvas = page.locator('[data-cy="viewport-pane"] canvas').first();
    await expect.poll(() => spreadOf(canvas), { timeout: 30_000, message: each.file }).toBeGreaterThan(spreadMin);
    await keepScreenshot(page, `ohif-${each.file.replace('.dcm', '')}`);
  }
});
