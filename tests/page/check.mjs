// node check.mjs CHROMIUM URL SANDBOX FILE: what the page shows of a small fleet whose texts are hostile,
// and that it follows what changes. The fleet is that of tests/it/e2e/outside.rs.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { open, tab } from './browser.mjs';

const [program, url, sandbox, file] = process.argv.slice(2);
const browser = await open(program);

/** Texts whose contrast is below WCAG 2.2 AA: 4.5, or 3 where they are large. */
const faint = `(() => {
  const rgb = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const light = ({ r, g, b }) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.a === 1) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const bad = [];
  for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest('noscript, script')) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgb(style.color)), light(ground(element))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < (isLarge ? 3 : 4.5)) bad.push([walk.currentNode.data.slice(0, 40), element.className, contrast.toFixed(2)].join(' | '));
  }
  return bad;
})()`;

async function isLegible(page) {
  for (const scheme of ['light', 'dark']) {
    await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    assert.deepEqual(await page.ask(faint), [], scheme);
  }
}

/** A key as the keyboard sends it. */
async function press(page, key) {
  for (const type of ['keyDown', 'keyUp']) await page.call('Input.dispatchKeyEvent', { type, key, code: key, text: key === 'Enter' ? '\r' : undefined, windowsVirtualKeyCode: key === 'Enter' ? 13 : 0 });
}

try {
  const page = await tab(browser, { width: 1200, height: 900, dark: false });
  await page.goto(url);
  await page.until("document.querySelectorAll('.row:not([hidden])').length === 3");
  await page.until("document.querySelector('#link').textContent === 'live'");
  // Cards off the screen are not in innerText.
  const text = await page.ask('document.body.textContent');
  assert.match(text, /Degraded/);
  assert.ok(text.includes('<img src=x onerror=alert(1)>'), 'hostile text is text');
  assert.ok(text.includes('\\u{202e}evil'), 'what acts on the eye is spelt out');
  assert.ok(!text.includes('hunter2') && text.includes('***'), 'secrets are masked');
  assert.equal(await page.ask("document.querySelectorAll('main img').length"), 0);
  assert.match(text, /HTTP 400, code 21402/);
  assert.match(await page.ask('document.title'), /^\(3\) Degraded/);
  await isLegible(page);

  // Search and filter.
  const search = (words) => page.ask(`{ const box = document.querySelector('#search'); box.value = ${JSON.stringify(words)}; box.dispatchEvent(new Event('input')); found.length }`);
  assert.equal(await search('555-223 0001'), 1);
  assert.equal(await search('(555) 223-0'), 3);
  assert.equal(await search('IMG src'), 1);
  assert.equal(await search('actionfailed'), 3);
  assert.equal(await search('nobody'), 0);
  assert.match(await page.ask("document.querySelector('#none').innerText"), /No number matches/);
  await search('');

  // The details of a number.
  await page.ask("document.querySelector('.row').click()");
  assert.match(await page.ask("document.querySelector('#detail').innerText"), /Degraded: True/);
  await page.ask("document.querySelector('#detail').close()");

  // The same by keyboard.
  await page.ask("document.querySelector('#list').focus()");
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'Enter']) await press(page, key);
  assert.equal(await page.ask("document.querySelector('#detail-title').textContent"), await page.ask('found[1].phone'));
  assert.equal(await page.ask("document.getElementById(document.querySelector('#list').getAttribute('aria-activedescendant')).row === found[1]"), true);
  await page.ask("document.querySelector('#detail').close()");
  await page.ask("document.querySelector('#chart').focus()");
  await press(page, 'Home');
  assert.equal(await page.ask("document.querySelector('#chart').getAttribute('aria-valuenow')"), '1');
  assert.deepEqual(await page.ask(`[...document.querySelectorAll('button, input, select, [tabindex="0"], main img')]
    .filter((element) => !(element.getAttribute('aria-label') || element.getAttribute('aria-labelledby') || element.textContent.trim())).map((element) => element.outerHTML)`), []);

  // What changes is seen without a reload.
  await fetch(`${sandbox}/_sandbox/faults`, { method: 'PUT', body: '' });
  await page.until("document.querySelector('#state').className.includes('in_sync')");
  await page.until("document.querySelectorAll('.row .dot.synced').length === 3");
  assert.match(await page.ask("document.querySelector('#drifts').textContent"), /No drift/);
  await page.ask("document.querySelector('#tab-mended').click()");
  assert.match(await page.ask("document.querySelector('#drifts').textContent"), /voice\.url/);

  // A hold of everything: until when and why, and the drift that it leaves.
  const before = readFileSync(file, 'utf8');
  const until = new Date(Date.now() + 3 * 3_600_000 + 30_000).toISOString();
  const hold = `{hold: {until: ${until}, why: "<b>freeze</b> https://u:hunter2@wiki.example/"}}`;
  writeFileSync(file, `${before.replace('sms: {url', 'sms: {method: GET, url')}policy: ${hold}\n`);
  await page.until("document.querySelector('#state').innerText === 'Held back · on hold · 1 number'");
  const notice = await page.ask("document.querySelector('#notices').innerText");
  assert.match(notice, /The whole fleet is on hold/);
  assert.match(notice, /until \w+,? \d+ \w+,? \d\d:\d\d UTC.*, in 3 h 0 min/);
  assert.ok(notice.includes('<b>freeze</b> https://u:***@wiki.example/'), notice);
  await page.ask("document.querySelector('#tab-now').click()");
  assert.match(await page.ask("document.querySelector('#drifts').textContent"), /on hold[^]*sms\.method/);
  assert.match(await page.ask("document.querySelector('#held').innerText"), /1 on hold[^]*3 numbers have a hold/);
  await page.ask("document.querySelector('#held button').click()");
  assert.equal(await page.ask('found.length'), 3);
  await page.ask("document.querySelector('.row').click()");
  assert.match(await page.ask("document.querySelector('#detail').innerText"), /On hold: it is left as it is/);
  await isLegible(page);
  await page.ask("document.querySelector('#detail').close()");
  await page.ask("document.querySelector('#standing').value = ''; filter()");

  // Without an answer it says so, and goes on once there is one.
  await page.call('Network.emulateNetworkConditions', { offline: true, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.ask('refresh()');
  await page.until("document.querySelector('#link').textContent === 'offline'");
  assert.match(await page.ask("document.querySelector('#lost').innerText"), /The daemon does not answer\.\s+This is the state of .* UTC/);
  assert.equal(await page.ask('document.title'), 'Offline · numctl');
  await page.call('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  writeFileSync(file, before);
  await page.until("document.querySelector('#state').innerText === 'In sync'");
  assert.equal(await page.ask("document.querySelector('#lost').innerText + document.querySelector('#notices').innerText"), '');
  page.complaints.splice(0, Infinity, ...page.complaints.filter((text) => !/ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|ERR_NETWORK_IO_SUSPENDED/.test(text)));

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
