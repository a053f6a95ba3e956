import { defineConfig } from '@playwright/test';

/** Debian's Chromium; nothing is downloaded. */
const executablePath = process.env.LIGHTBOX_CHROMIUM ?? '/usr/bin/chromium';

/** As root, in a container, without a GPU and without calling home. */
export const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export default defineConfig({
  testDir: 'tests',
  // Each file has its own server; its tests share it, in order.
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 20_000 },
  reporter: 'list',
  use: {
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath, args: chromiumArguments },
    screenshot: 'only-on-failure',
    trace: 'off',
  },
});
