import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isAccessible } from '../src/accessible';
import { type Server, startUsedServer } from '../src/server';
import { expect, goTo, keepScreenshot, signIn, test } from '../src/test';

let server: Server;
test.beforeAll(async () => {
  server = await startUsedServer('film-09-pneumonia.dcm', 'film-01-normal.dcm', 'rg1.dcm');
});
test.afterAll(() => server.stop());

test('studies are found by name, number and date, and the address keeps the search', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'Studies');
  const rows = page.getByRole('table', { name: 'Found studies' }).getByRole('row');
  await expect(rows).toHaveCount(4);
  await page.getByLabel('Patient name').fill('film, pneu');
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText('FILM-09');
  await expect(page).toHaveURL(/name=film%2C\+pneu/);
  await page.reload();
  await expect(page.getByLabel('Patient name')).toHaveValue('film, pneu');
  await expect(rows).toHaveCount(2);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByLabel('Patient ID').fill('FILM-0?');
  await expect(rows).toHaveCount(3);
  await page.getByLabel('From').fill('2999-01-01');
  await expect(page.getByText('No study matches.')).toBeVisible();
  await page.getByRole('button', { name: 'Show all studies' }).click();
  await expect(rows).toHaveCount(4);
  await keepScreenshot(page, 'studies');
});

test('a timeline tells a study’s way, and a step is done again', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'Studies');
  const link = page.getByRole('link', { name: 'Film, Pneumonia One', exact: true });
  await expect(link).toBeVisible();
  for (let row = 0; row < 3 && !(await link.evaluate((one) => one === document.activeElement)); row += 1) {
    await page.keyboard.press('j');
  }
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Study timeline', level: 1 })).toBeVisible();
  const steps = page.getByRole('listitem');
  await expect(steps.filter({ hasText: 'Received 1 instance of CR series 1 from E2E.' })).toHaveCount(1);
  await expect(steps.filter({ hasText: /applies to 1 instance of CR series 1\./ })).toHaveCount(1);
  const run = steps.filter({ hasText: /ran and found Pneumonia \(1\.00, threshold 0\.50\)\./ });
  await expect(run).toHaveCount(1);
  await expect(steps.filter({ hasText: /Stored the map over the image/ })).toHaveCount(1);
  await keepScreenshot(page, 'timeline');

  await run.getByRole('button', { name: 'Publish again' }).click();
  await expect(steps.filter({ hasText: /^.*admin had the report of .* published again\./ })).toHaveCount(1);
  await page.getByRole('button', { name: 'Ask every app again' }).click();
  await expect(steps.filter({ hasText: 'admin had every app asked again.' })).toHaveCount(1);
  await page.getByRole('link', { name: 'Read', exact: true }).last().click();
  const saved = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Export' }).click();
  expect((await saved).suggestedFilename()).toMatch(/^[\d.]+\.zip$/);
  await page.getByRole('link', { name: 'Timeline' }).click();
  await expect(steps.filter({ hasText: 'admin took the study along.' })).toHaveCount(1);
});

test('a refusal stands out, with its reason', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'Studies');
  await page.getByRole('link', { name: 'CompressedSamples, RG1', exact: true }).click();
  await page.getByRole('switch', { name: /Only what went wrong/ }).click();
  const steps = page.getByRole('main').getByRole('listitem');
  await expect(steps.filter({ hasText: /did not run on 1 instance of CR series 1/ })).toContainText(
    /The patient's age is 64 years/,
  );
  await expect(steps.filter({ hasText: 'Received' })).toHaveCount(0);
  await keepScreenshot(page, 'timeline-refused');
});

test('the system page shows disk, archive, jobs and associations', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'System');
  await expect(page.getByRole('region', { name: 'Disk' })).toContainText(/\d [GT]B free/);
  await expect(page.getByRole('region', { name: 'Archive' })).toContainText('3 studies');
  await expect(page.getByRole('region', { name: 'Jobs' })).toContainText('Nothing waits.');
  await expect(page.getByRole('region', { name: 'Associations' })).toContainText('0 of at most 64 are open');
  await keepScreenshot(page, 'system');
});

test('a study is deleted with a reason, is listed with who and why, and comes back', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signIn(page, server);
  await goTo(page, 'Deletions');
  await expect(page.getByText('Nothing was deleted')).toBeVisible();
  await goTo(page, 'Studies');
  await page.getByRole('link', { name: 'Film, Normal One', exact: true }).click();
  // Nothing is deleted while work is due on it.
  await expect(page.getByText(/Stored the map over the image/)).toBeVisible({ timeout: 40_000 });
  await page.getByRole('button', { name: 'Delete…' }).click();
  const form = page.getByRole('dialog', { name: 'Delete the study' });
  await form.getByRole('textbox', { name: 'Why?' }).fill('sent by mistake');
  await isAccessible(page, 'delete a study');
  await form.getByRole('button', { name: 'Delete study' }).click();
  const found = page.getByRole('table', { name: 'Found studies' }).getByRole('row');
  await expect(found.filter({ hasText: 'FILM-09' })).toHaveCount(1);
  await expect(found.filter({ hasText: 'FILM-01' })).toHaveCount(0);

  await goTo(page, 'Deletions');
  const row = page.getByRole('table', { name: 'Deletions' }).getByRole('row').filter({ hasText: 'sent by mistake' });
  await expect(row).toContainText('by hand');
  await keepScreenshot(page, 'deletions');
  await row.getByRole('button', { name: 'Bring back' }).click();
  await expect(row).toContainText('brought back by admin');
  await row.getByRole('link', { name: 'brought back' }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'Sent by mistake.' })).toHaveCount(1);
});

test('a peer is changed: what it may do, and its limits', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'Peers');
  const row = page.getByRole('table', { name: 'Admitted peers' }).getByRole('row').filter({ hasText: 'E2E' });
  await expect(row).toContainText('everything');
  await row.getByRole('button', { name: 'Change peer E2E' }).click();
  const form = page.getByRole('dialog', { name: 'Peer E2E' });
  await form.getByRole('checkbox', { name: /C-MOVE/ }).uncheck();
  await form.getByRole('textbox', { name: 'Associations at once' }).fill('2');
  await keepScreenshot(page, 'peer-policy');
  await form.getByRole('button', { name: 'Save peer' }).click();
  await expect(row).toContainText('store, find, get, commit, mpps · 2 at once');
});

test('a newcomer with a known UID waits on the shelf, and changes places with what is stored', async ({ page }) => {
  const folder = await mkdtemp(join(tmpdir(), 'lightbox-newcomer-'));
  const newcomer = join(folder, 'newcomer.dcm');
  await copyFile(join(process.env.LIGHTBOX_SAMPLES ?? '', 'film-01-normal.dcm'), newcomer);
  await promisify(execFile)('dcmodify', ['--no-backup', '--modify', 'PatientAge=006Y', newcomer]);
  await server.command('import', newcomer);
  await rm(folder, { recursive: true });

  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signIn(page, server);
  await goTo(page, 'Conflict shelf');
  await page.getByRole('table', { name: 'Conflicts' }).getByRole('button', { name: 'import', exact: true }).click();
  const drawer = page.getByRole('dialog', { name: 'What differs' });
  const age = drawer.getByRole('row').filter({ hasText: 'PatientAge' });
  await expect(age.getByRole('cell').nth(1)).toHaveText('006Y');
  await isAccessible(page, 'what differs');
  await keepScreenshot(page, 'conflict');
  await drawer.getByRole('button', { name: 'Replace by the one on the shelf' }).click();
  await expect(page.getByText('Nothing is to be decided')).toBeVisible();
  await page.getByText('Decided', { exact: true }).click();
  await expect(page.getByRole('table', { name: 'Conflicts' })).toContainText(
    'replaced; this is what was stored before',
  );
  await goTo(page, 'Studies');
  await page.getByRole('link', { name: 'Film, Normal One', exact: true }).click();
  await expect(
    page.getByRole('listitem').filter({ hasText: 'admin had the one on the shelf replace what was stored.' }),
  ).toHaveCount(1);
});
