import { isAccessible } from '../src/accessible';
import { type Server, startUsedServer } from '../src/server';
import { expect, imageIsShown, keepScreenshot, openStudy, rowOf, signIn, test } from '../src/test';

let server: Server;
test.beforeAll(async () => {
  server = await startUsedServer('film-09-pneumonia.dcm', 'rg1.dcm');
  await expect(server.send('STRANGER', 'film-01-normal.dcm')).rejects.toThrow();
});
test.afterAll(() => server.stop());

// The narrowest window that everything must work in.
test.use({ viewport: { width: 1024, height: 768 } });

for (const scheme of ['dark', 'light']) {
  test(`every page is accessible in ${scheme}`, async ({ page }) => {
    test.slow();
    await page.addInitScript((value) => localStorage.setItem('mantine-color-scheme-value', value), scheme);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(`${server.http}/login`);
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    await isAccessible(page, 'sign in');

    await signIn(page, server);
    await expect(rowOf(page, 'Pneumonia One').getByText('Found', { exact: true })).toBeVisible();
    await isAccessible(page, 'worklist');
    await keepScreenshot(page, `worklist-1024-${scheme}`);
    await page.keyboard.press('Control+k');
    await page.getByRole('textbox', { name: 'Search studies and pages' }).fill('Film');
    await expect(page.getByRole('dialog').getByText('Pneumonia One')).toBeVisible();
    await isAccessible(page, 'search');
    await page.keyboard.press('Escape');

    await openStudy(page, 'Pneumonia One');
    await expect(page.getByRole('switch', { name: /Map over the image/ })).toBeVisible({ timeout: 40_000 });
    await isAccessible(page, 'study');
    await keepScreenshot(page, `study-1024-${scheme}`);
    await page.getByRole('button', { name: 'Window presets' }).click();
    await expect(page.getByRole('menuitem', { name: /Full range/ })).toBeVisible();
    await isAccessible(page, 'window presets');
    await page.keyboard.press('Escape');
    await page.goto(`${server.http}/read`);
    await openStudy(page, 'RG1');
    await page.getByRole('button', { name: 'Run anyway…' }).click();
    await imageIsShown(page);
    await isAccessible(page, 'refused study');

    const study = new URL(page.url()).pathname.split('/').at(-1);
    for (const [path, heading] of [
      ['/deployments', 'Deployments'],
      ['/studies', 'Studies'],
      [`/studies/${study}`, 'Study timeline'],
      [`/studies/${study}/corrections`, 'Corrections'],
      ['/unmatched', 'Unmatched studies'],
      ['/admin/peers', 'Peers'],
      ['/admin/conflicts', 'Conflict shelf'],
      ['/admin/deletions', 'Deletions'],
      ['/admin/system', 'System'],
      ['/admin/events', 'Event log'],
      ['/nowhere', 'No such page'],
    ] as const) {
      await page.goto(`${server.http}${path}`);
      await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
      await page.waitForLoadState('load');
      await isAccessible(page, heading);
      await keepScreenshot(page, `${heading.toLowerCase().replaceAll(' ', '-')}-1024-${scheme}`);
    }
    await page.goto(`${server.http}/admin/peers`);
    await page.getByRole('button', { name: 'Add peer' }).click();
    await expect(page.getByRole('dialog', { name: 'Add peer' })).toBeVisible();
    await isAccessible(page, 'add peer');
    await keepScreenshot(page, `add-peer-1024-${scheme}`);
  });
}
