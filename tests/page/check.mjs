// node check.mjs CHROMIUM URL SANDBOX: what the page shows of a small fleet whose texts are hostile,
// and that it follows what changes. The fleet is that of tests/it/e2e/outside.rs.

import assert from 'node:assert/strict';
import { open, tab } from './browser.mjs';

const [program, url, sandbox] = process.argv.slice(2);
const browser = await open(program);
try {
  const page = await tab(browser, { width: 1200, height: 900, dark: false });
  await page.goto(url);
  await page.until("document.querySelectorAll('.row:not([hidden])').length === 3");
  await page.until("document.querySelector('#link').textContent === 'live'");
  const text = await page.ask('document.body.innerText');
  assert.match(text, /Degraded/);
  assert.ok(text.includes('<img src=x onerror=alert(1)>'), 'hostile text is text');
  assert.ok(text.includes('\\u{202e}evil'), 'what acts on the eye is spelt out');
  assert.ok(!text.includes('hunter2') && text.includes('***'), 'secrets are masked');
  assert.equal(await page.ask("document.querySelectorAll('main img').length"), 0);
  assert.match(text, /HTTP 400, code 21402/);
  assert.match(await page.ask('document.title'), /^\(3\) Degraded/);

  // Search and filter.
  const search = (words) => page.ask(`{ const box = document.querySelector('#search'); box.value = ${JSON.stringify(words)}; box.dispatchEvent(new Event('input')); found.length }`);
  assert.equal(await search('555-223 0001'), 1);
  assert.equal(await search('(555) 223-0'), 3);
  assert.equal(await search('IMG src'), 1);
  assert.equal(await search('actionfailed'), 3);
  assert.equal(await search('nobody'), 0);
  assert.match(await page.ask("document.querySelector('#none').innerText"), /No number is like that/);
  await search('');

  // The details of a number.
  await page.ask("document.querySelector('.row').click()");
  assert.match(await page.ask("document.querySelector('#detail').innerText"), /Degraded: True/);
  await page.ask("document.querySelector('#detail').close()");

  // What changes is seen without a reload.
  await fetch(`${sandbox}/_sandbox/faults`, { method: 'PUT', body: '' });
  await page.until("document.querySelector('#state').className.includes('in_sync')");
  await page.until("document.querySelectorAll('.row .dot.synced').length === 3");
  assert.match(await page.ask("document.querySelector('#drifts').innerText"), /No drift/);
  await page.ask("document.querySelector('#tab-mended').click()");
  assert.match(await page.ask("document.querySelector('#drifts').innerText"), /voice\.url/);

  // On a phone nothing is wider than the screen.
  for (const width of [320, 390, 768]) {
    await page.call('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: true });
    assert.equal(await page.ask('document.documentElement.scrollWidth'), width);
  }
  // No script of a text ran, the policy stopped nothing, and nothing went wrong.
  assert.deepEqual(page.complaints, []);
} finally {
  await browser.close();
}
