import { type Server, startUsedServer } from '../src/server';
import { expect, goTo, keepScreenshot, rowOf, signIn, test } from '../src/test';

let server: Server;
test.beforeAll(async () => {
  server = await startUsedServer();
});
test.afterAll(() => server.stop());

test('an unknown caller waits as a pending peer until one click admits it', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'Peers');
  await expect(page.getByRole('table', { name: 'Admitted peers' })).toContainText('E2E');
  await expect(server.send('NEW_SCANNER', 'film-01-normal.dcm')).rejects.toThrow(/Association Rejected/);

  const pending = page.getByRole('table', { name: 'Pending peers' });
  const row = pending.getByRole('row').filter({ hasText: 'NEW_SCANNER' });
  await expect(row).toContainText('127.0.0.1');
  await keepScreenshot(page, 'pending-peer');
  await row.getByRole('button', { name: 'Admit peer' }).click();
  await expect(page.getByRole('table', { name: 'Admitted peers' })).toContainText('NEW_SCANNER');
  await server.send('NEW_SCANNER', 'film-01-normal.dcm');
  await goTo(page, 'Read');
  await expect(rowOf(page, 'FILM-01')).toBeVisible();
});

test('a peer is added, tested, removed, and brought back', async ({ page }) => {
  await signIn(page, server);
  await page.goto(`${server.http}/admin/peers`);
  await page.getByRole('button', { name: 'Add peer' }).click();
  const form = page.getByRole('dialog', { name: 'Add peer' });
  const [host = '', port = ''] = server.dicom.split(':');
  await form.getByRole('textbox', { name: 'AE title' }).fill('ARCHIVE');
  await form.getByRole('textbox', { name: 'Host' }).fill(host);
  await form.getByRole('textbox', { name: 'Port' }).fill(port);
  await form.getByRole('combobox', { name: 'Another version of what is stored' }).click();
  await page.getByRole('option', { name: 'Refuse it' }).click();
  await form.getByRole('button', { name: 'Add peer' }).click();

  const row = page.getByRole('table', { name: 'Admitted peers' }).getByRole('row').filter({ hasText: 'ARCHIVE' });
  await expect(row).toContainText(`${host}:${port}`);
  await expect(row).toContainText('other versions refused');
  await row.getByRole('button', { name: 'Test' }).click();
  // The peer is this server itself, which does not know its own title yet.
  await expect(row.getByRole('status')).toContainText('calling AE title not recognized');
  const caller = page.getByRole('table', { name: 'Pending peers' }).getByRole('row').filter({ hasText: 'LIGHTBOX' });
  await caller.getByRole('button', { name: 'Admit peer' }).click();
  await expect(caller).toHaveCount(0);
  await row.getByRole('button', { name: 'Test' }).click();
  await expect(row.getByRole('status')).toContainText(/answered in \d/);
  await keepScreenshot(page, 'peer-tested');
  await row.getByRole('button', { name: 'Remove peer ARCHIVE' }).click();
  await expect(row).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(row).toContainText(`${host}:${port}`);
});

test('a threshold changes what counts as found from then on, and can be undone', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'Deployments');
  const card = page.getByRole('region', { name: /Chest film pneumonia/ });
  await expect(card.getByText('Not for clinical use')).toBeVisible();
  const threshold = card.getByRole('textbox', { name: 'Threshold of Pneumonia' });
  await threshold.fill('0.01');
  await card.getByRole('button', { name: 'Save threshold' }).click();
  await expect(page.getByText('Chest film pneumonia is changed.')).toBeVisible();
  await keepScreenshot(page, 'deployments');

  await server.send('E2E', 'film-04-normal.dcm');
  await goTo(page, 'Read');
  await expect(rowOf(page, 'FILM-04')).toContainText(/thr 0\.01/);
  await expect(rowOf(page, 'FILM-04').getByText('Found', { exact: true })).toBeVisible();

  await goTo(page, 'Deployments');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(threshold).toHaveValue('0.5');
});

test('the log tells who did what', async ({ page }) => {
  await signIn(page, server);
  await goTo(page, 'Event log');
  const log = page.getByRole('table', { name: 'Events' }).getByRole('row');
  await expect(log.filter({ hasText: 'password.changed' })).toContainText('admin');
  await expect(server.send('INTRUDER', 'film-01-normal.dcm')).rejects.toThrow(/Association Rejected/);
  const refusal = log.filter({ hasText: 'INTRUDER' });
  await expect(refusal).toContainText('peer.refused');
  await expect(refusal).toContainText('its AE title is not admitted');
  await keepScreenshot(page, 'event-log');
});

test('files dropped into the page are stored', async ({ page }) => {
  await signIn(page, server);
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Upload images' }).click();
  await (await chooser).setFiles(`${process.env.LIGHTBOX_SAMPLES}/film-02-normal.dcm`);
  await expect(page.getByText('Stored 1 file')).toBeVisible();
  await expect(rowOf(page, 'FILM-02')).toBeVisible();
});
