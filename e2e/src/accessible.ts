import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** Fails on anything that WCAG 2.2 AA forbids and axe can see, or on a page wider than the window. */
export async function isAccessible(page: Page, name: string): Promise<void> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const builder = new AxeBuilder({ page }).withTags(tags);
  // What lies behind a dialog is dimmed, and cannot be reached before the dialog is closed.
  const dialog = '[aria-modal="true"]';
  if (await page.locator(dialog).count()) builder.include(dialog);
  const { violations } = await builder.analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  expect.soft(found, name).toEqual([]);
  const overflow = await page.evaluate(() => document.body.scrollWidth - document.body.clientWidth);
  expect.soft(overflow, `${name} is wider than the window by`).toBeLessThanOrEqual(0);
}
