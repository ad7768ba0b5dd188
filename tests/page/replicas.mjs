// node replicas.mjs CHROMIUM URL WRITER STANDBY PID: the page behind a Service that leads each connection to
// another replica shows the one that writes, and no other until that one is gone. Run by
// tests/it/e2e/replicas.rs.

import assert from 'node:assert/strict';
import { open, tab } from './browser.mjs';

const [program, url, writer, standby, pid] = process.argv.slice(2);
const browser = await open(program);

try {
  const page = await tab(browser, { width: 1200, height: 900, dark: false });
  await page.goto(url);
  const shown = (name) => `document.querySelector('#process')?.textContent === ${JSON.stringify(name)}`;
  await page.until(shown(writer));
  await page.until("document.querySelector('#state').innerText === 'In sync'");
  await page.until("document.querySelectorAll('.row .dot.synced').length === 1");
  // However often it asks, the other one is never seen.
  for (const end = Date.now() + 13_000; Date.now() < end;) {
    await page.ask('refresh()');
    assert.equal(await page.ask(shown(writer)), true, 'the one that writes');
    assert.equal(await page.ask("document.querySelector('#state').innerText"), 'In sync');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // Until it is gone.
  process.kill(Number(pid), 'SIGTERM');
  await page.until(shown(standby));
  await page.until("document.querySelector('#state').innerText === 'In sync'");
  await page.until("document.querySelectorAll('.row .dot.synced').length === 1");
} finally {
  await browser.close();
}
