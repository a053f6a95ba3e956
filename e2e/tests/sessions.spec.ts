import { password, type Server, startUsedServer } from '../src/server';
import { expect, test } from '../src/test';

let server: Server;
test.beforeAll(async () => {
  server = await startUsedServer();
});
test.afterAll(() => server.stop());

test('signing out ends the session, and the link prefills the name', async ({ page, context }) => {
  await page.goto(`${server.http}/login?name=admin`);
  await expect(page.getByLabel('Name')).toHaveValue('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Account admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  const answer = await context.request.get(`${server.http}/api/v1/worklist`);
  expect(answer.status()).toBe(401);
});

test('a radiologist is offered reading, not administration', async ({ page, context }) => {
  const headers = { 'X-Lightbox': '1' };
  const request = { headers, failOnStatusCode: true };
  await context.request.post(`${server.http}/api/v1/session`, { data: { name: 'admin', password }, ...request });
  const account = { name: 'reader', role: 'radiologist', password: 'a reader has one too' };
  await context.request.post(`${server.http}/api/v1/accounts`, { data: account, ...request });
  await context.request.delete(`${server.http}/api/v1/session`, request);

  await page.goto(`${server.http}/login?name=reader`);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: /Read|Choose your password/ })).toBeVisible();
  if (await page.getByLabel('New password', { exact: true }).isVisible()) {
    await page.getByLabel('New password', { exact: true }).fill(password);
    await page.getByLabel('New password again').fill(password);
    await page.keyboard.press('Enter');
  }
  const pages = page.getByRole('navigation', { name: 'Pages' });
  await expect(pages.getByRole('link', { name: 'Read' })).toBeVisible();
  await expect(pages.getByRole('link', { name: 'Peers' })).toHaveCount(0);
  await expect(pages.getByRole('link', { name: 'Event log' })).toHaveCount(0);
});
