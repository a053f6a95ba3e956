import type { Locator, Page } from '@playwright/test';
import { isAccessible } from '../src/accessible';
import { type Server, startUsedServer } from '../src/server';
import { expect, goTo, keepScreenshot, signIn, test } from '../src/test';

let server: Server;
test.beforeAll(async () => {
  server = await startUsedServer('film-01-normal.dcm', 'rg1.dcm');
});
test.afterAll(() => server.stop());

/** Keeps what the page shows in both themes and at both widths. */
async function keepLooks(page: Page, name: string): Promise<void> {
  for (const scheme of ['light', 'dark']) {
    await page.evaluate((value) => {
      document.documentElement.setAttribute('data-mantine-color-scheme', value);
      return Promise.all(document.getAnimations().map((animation) => animation.finished)).then(() => undefined);
    }, scheme);
    for (const width of [1440, 1024]) {
      await page.setViewportSize({ width, height: 900 });
      await isAccessible(page, `${name}, ${scheme}, ${width}`);
      await keepScreenshot(page, `${name}-${width}-${scheme}`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

function queueOf(page: Page): Locator {
  return page.getByRole('table', { name: 'Unmatched studies' }).locator('tbody').getByRole('row');
}

test('a study waits until a person links it to its order, and that is taken back', async ({ page }) => {
  test.slow();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signIn(page, server);
  await goTo(page, 'Unmatched');
  await expect(page.getByText('Nothing waits for a decision')).toBeVisible();
  await keepLooks(page, 'unmatched-empty');

  const fields = ['patient_id=FILM-09', 'accession_number=RIGHT-1', 'modality=CR', 'procedure_description=Chest film'];
  await server.command('order', 'add', '4711', '--source', 'RIS', ...fields.flatMap((field) => ['--set', field]));
  await server.send('E2E', 'film-09-pneumonia.dcm');
  const row = queueOf(page).filter({ hasText: 'FILM-09' });
  await expect(row).toHaveCount(1, { timeout: 40_000 });
  await expect(row).toContainText('No order');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');

  const drawer = page.getByRole('dialog', { name: 'Study, order, patient' });
  const accession = drawer.getByRole('row').filter({ hasText: 'Accession number' });
  await expect(accession).toContainText('RIGHT-1');
  await expect(accession.getByRole('img', { name: 'differs' })).toBeVisible();
  const identifier = drawer.getByRole('row').filter({ hasText: 'Patient ID' });
  await expect(identifier.getByRole('img', { name: 'differs' })).toHaveCount(0);
  await expect(drawer.getByRole('button', { name: 'Link to this order' })).toBeDisabled();
  await drawer.getByRole('textbox', { name: 'Why?' }).fill('typed at the console');
  await keepLooks(page, 'unmatched-study');
  await drawer.getByRole('button', { name: 'Link to this order' }).click();
  await expect(page.getByText('Nothing waits for a decision')).toBeVisible();

  await page.getByText('Decided', { exact: true }).click();
  await expect(queueOf(page)).toContainText('RIGHT-1');
  await keepScreenshot(page, 'unmatched-decided');
  await goTo(page, 'Studies');
  await page.getByLabel('Accession').fill('RIGHT-1');
  await page.getByRole('link', { name: 'Film, Pneumonia One', exact: true }).click();
  const steps = page.getByRole('main').getByRole('listitem');
  await expect(steps.filter({ hasText: 'admin linked the study to an order.' })).toHaveCount(1);
  await expect(steps.filter({ hasText: 'Put the study into the queue of unmatched studies.' })).toHaveCount(1);

  await page.goto(`${server.http}/unmatched?decided=true`);
  await page.getByRole('link', { name: 'Film, Pneumonia One' }).click();
  await drawer.getByRole('button', { name: 'Take it back' }).click();
  await page.getByText('To decide', { exact: true }).click();
  await expect(queueOf(page).filter({ hasText: 'FILM-09' })).toHaveCount(1);
});

test('a study that needs no order leaves the queue, and comes back when that is undone', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signIn(page, server);
  await goTo(page, 'Unmatched');
  await page.getByRole('link', { name: 'Film, Pneumonia One' }).click();
  const drawer = page.getByRole('dialog', { name: 'Study, order, patient' });
  await drawer.getByRole('textbox', { name: 'Find another order' }).fill('chest');
  await expect(drawer.getByRole('radio', { name: /RIS 4711/ })).toBeChecked();
  await drawer.getByRole('textbox', { name: 'Why?' }).fill('from outside');
  await drawer.getByRole('button', { name: 'No order needed' }).click();
  await expect(page.getByText('Nothing waits for a decision')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(queueOf(page).filter({ hasText: 'FILM-09' })).toHaveCount(1);
});

test('a study is corrected with a reason, and that is taken back', async ({ page }) => {
  test.slow();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signIn(page, server);
  await goTo(page, 'Studies');
  await page.getByRole('link', { name: 'Film, Normal One', exact: true }).click();
  await page.getByRole('link', { name: 'Correct', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Corrections', level: 1 })).toBeVisible();
  const birth = page.getByRole('textbox', { name: 'Birth date shall be' });
  await birth.fill('yesterday');
  await expect(page.getByText('Write YYYYMMDD')).toBeVisible();
  await page.getByRole('textbox', { name: 'Why?' }).first().fill('typing error');
  const order = page.getByRole('button', { name: 'Correct study' });
  await expect(order).toBeDisabled();
  await birth.fill('20190102');
  await page.getByRole('textbox', { name: 'Patient ID shall be', exact: true }).fill('FILM-77');
  await expect(page.getByText('2 attributes: Patient ID, Birth date.')).toBeVisible();
  await order.click();
  const row = page.getByRole('table', { name: 'What is said of the study' }).getByRole('row');
  await expect(row.filter({ hasText: 'Patient ID' }).first()).toContainText('FILM-01');
  await expect(row.filter({ hasText: 'Patient ID' }).first().getByRole('img', { name: 'corrected' })).toBeVisible();
  const history = page.getByRole('table', { name: 'History of corrections' }).getByRole('row');
  await expect(history.nth(1)).toContainText('Birth date: 20190102; Patient ID: FILM-77');
  await keepLooks(page, 'corrections');
  await history.nth(1).getByRole('button', { name: 'Take back' }).click();
  await expect(history.nth(1)).toContainText('taken back by admin');
  await expect(page.getByRole('img', { name: 'corrected' })).toHaveCount(0);
});

test('two patients who are one are merged, and are two again when that is taken back', async ({ page }) => {
  test.slow();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signIn(page, server);
  await goTo(page, 'Studies');
  await page.getByRole('link', { name: 'Film, Normal One', exact: true }).click();
  await page.getByRole('link', { name: 'Correct', exact: true }).click();
  await page.getByRole('textbox', { name: 'Who it is in truth' }).fill('rg1');
  await page.getByRole('radio', { name: /9RG1/ }).click();
  const both = page.getByRole('table', { name: 'Both patients' });
  await expect(both.getByRole('row').filter({ hasText: 'Patient ID' })).toContainText('FILM-01');
  await expect(page.getByText(/will be found, shown and sent as studies of CompressedSamples, RG1/)).toBeVisible();
  await page.getByRole('textbox', { name: 'Why?' }).last().fill('one person');
  await page.getByRole('button', { name: 'Merge patients' }).scrollIntoViewIfNeeded();
  await keepLooks(page, 'merge');
  await page.getByRole('button', { name: 'Merge patients' }).click();
  const history = page.getByRole('table', { name: 'History of corrections' }).getByRole('row');
  await expect(history.nth(1)).toContainText('Patient merged into 9RG1');
  await goTo(page, 'Studies');
  await page.getByLabel('Patient ID').fill('9RG1');
  await expect(page.getByRole('table', { name: 'Found studies' }).getByRole('row')).toHaveCount(3);
  await page.goBack();
  await history.nth(1).getByRole('button', { name: 'Take back' }).click();
  await expect(history.nth(1)).toContainText('taken back by admin');
});
