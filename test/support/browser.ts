// A real browser for tests of what only a browser does, such as checks of origins and certificates: Debian's Chromium, without a window.
import { type Browser, chromium, type Page } from 'playwright-core';
import type { CleansUp } from './gateway.ts';

const EXECUTABLE = '/usr/bin/chromium';

/** Opens a page at `url` in a browser of its own, which is closed after the test. */
export async function openPage(t: CleansUp, url: string, args: readonly string[] = []): Promise<Page> {
  const browser: Browser = await chromium.launch({
    executablePath: EXECUTABLE,
    // Tests run as whoever they run as; the pages are their own.
    args: ['--no-sandbox', '--disable-gpu', ...args],
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}
