import { password, type Server, startServer } from '../src/server';
import { expect, goTo, keepScreenshot, test } from '../src/test';

let server: Server;
test.beforeAll(async () => {
  server = await startServer({ app: false });
});
test.afterAll(() => server.stop());

test('the first sign-in changes the one-time password and teaches how to begin', async ({ page, complaints }) => {
  await page.goto(`${server.http}/admin/peers`);
  await page.getByLabel('Name').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  complaints.expected.add(401);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('do not match');
  await keepScreenshot(page, 'sign-in');

  await page.getByLabel('Password', { exact: true }).fill(server.one_time.password);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Choose your password' })).toBeVisible();
  await page.getByLabel('New password', { exact: true }).fill('short');
  await page.getByLabel('New password again').fill('other');
  await page.getByRole('button', { name: 'Set password' }).click();
  await expect(page.getByText('Use 12 characters or more.')).toBeVisible();
  await expect(page.getByText('The two passwords differ.')).toBeVisible();

  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password again').fill(password);
  await page.getByRole('button', { name: 'Set password' }).click();
  // Where they wanted to go in the first place.
  await expect(page.getByRole('heading', { name: 'Peers', level: 1 })).toBeVisible();

  await goTo(page, 'Read');
  await expect(page.getByRole('heading', { name: 'No study has arrived yet' })).toBeVisible();
  await expect(page.getByText('storescu -aet')).toBeVisible();
  await keepScreenshot(page, 'first-start');
});
