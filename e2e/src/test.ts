/** Playwright's test with a page that must not complain, and the steps that many tests share. */
import { join } from 'node:path';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { password, type Server } from './server';

/** What a page complained of. */
interface Complaints {
  /** Statuses that this test provokes on purpose. */
  expected: Set<number>;
  found: string[];
}

/** Collects what a page and the pages that it opens complain of, and every request to another server than ours. */
function watch(page: Page, complaints: Complaints): void {
  page.on('popup', (popup) => watch(popup, complaints));
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1')
      complaints.found.push(`foreign: ${request.url()}`);
  });
  page.on('pageerror', (error) => complaints.found.push(`error: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    // The browser reports each refused request here too; they are judged by their status below.
    if (message.text().startsWith('Failed to load resource')) return;
    if (message.type() === 'error') complaints.found.push(`console: ${message.text()}`);
  });
  page.on('response', (response) => {
    const status = response.status();
    if (status >= 400 && !complaints.expected.has(status)) {
      complaints.found.push(`${status}: ${response.request().method()} ${response.url()}`);
    }
  });
  page.on('requestfailed', (request) => {
    // Leaving a page ends its live stream and whatever it still waited for.
    const reason = request.failure()?.errorText;
    if (reason !== 'net::ERR_ABORTED') complaints.found.push(`${reason}: ${request.url()}`);
  });
}

export const test = base.extend<{ complaints: Complaints }>({
  complaints: async ({}, use) => {
    await use({ expected: new Set(), found: [] });
  },
  page: async ({ page, complaints }, use) => {
    watch(page, complaints);
    await use(page);
    expect(complaints.found, 'what the page complained of').toEqual([]);
  },
});

export { expect };

/** Signs admin in through the page and ends on the worklist. */
export async function signIn(page: Page, server: Server): Promise<void> {
  await page.goto(`${server.http}/login?name=admin`);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Read', level: 1 })).toBeVisible();
}

/** Follows the menu. */
export async function goTo(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
}

/** The row of a patient, by the number. */
export function rowOf(page: Page, patientId: string): Locator {
  return page.getByRole('table', { name: 'Studies' }).getByRole('row').filter({ hasText: patientId });
}

/** Opens a study from the worklist and waits until its image is drawn. */
export async function openStudy(page: Page, patientId: string): Promise<void> {
  await rowOf(page, patientId).getByRole('link').click();
  await imageIsShown(page);
}

export async function imageIsShown(page: Page): Promise<void> {
  await expect(imageElement(page)).toHaveAttribute('data-state', 'shown');
}

/** What holds the image; Cornerstone adds layers of its own inside. */
function imageElement(page: Page): Locator {
  return page.getByRole('main', { name: 'Image' }).getByRole('img').first();
}

/** The canvas that Cornerstone draws the image on. */
export function imageCanvas(page: Page): Locator {
  return imageElement(page).locator('canvas');
}

/** The canvas over it that holds what AI drew. */
export function mapCanvas(page: Page): Locator {
  return page.locator('canvas[data-map]');
}

/** Mean of all red values, and of all opacities, of a canvas: 0–255. */
export function meansOf(canvas: Locator): Promise<{ red: number; alpha: number }> {
  return canvas.evaluate((element: HTMLCanvasElement) => {
    const pixels = element.getContext('2d')?.getImageData(0, 0, element.width, element.height).data ?? [];
    let [red, alpha] = [0, 0];
    for (let index = 0; index < pixels.length; index += 4) {
      red += pixels[index] ?? 0;
      alpha += pixels[index + 3] ?? 0;
    }
    const count = Math.max(1, pixels.length / 4);
    return { red: red / count, alpha: alpha / count };
  });
}

/** How far the red values of a canvas spread (standard deviation): 0 for one that is all of one colour. */
export function spreadOf(canvas: Locator): Promise<number> {
  return canvas.evaluate((element: HTMLCanvasElement) => {
    const pixels = element.getContext('2d')?.getImageData(0, 0, element.width, element.height).data ?? [];
    let [count, sum, squares] = [0, 0, 0];
    for (let index = 0; index < pixels.length; index += 4) {
      const red = pixels[index] ?? 0;
      count += 1;
      sum += red;
      squares += red * red;
    }
    return count === 0 ? 0 : Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  });
}

/** Keeps a screenshot for people, in the folder LIGHTBOX_SCREENSHOTS if there is one. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.LIGHTBOX_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}
