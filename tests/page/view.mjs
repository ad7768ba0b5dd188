// node view.mjs CHROMIUM URL PID [AXE]: of a fleet in which one setting of many numbers fails alike: that it is said
// once, that a view can be reloaded and sent to somebody, the link to the console, and that a hung daemon (it
// is stopped for a while) is noticed within 15 s. With a file of axe-core: that it finds nothing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open, tab } from './browser.mjs';

const [program, url, pid, axe] = process.argv.slice(2);
const browser = await open(program);
const look = { width: 1280, height: 900, dark: false };
const settled = "document.readyState === 'complete' && document.querySelectorAll('.row').length > 3";
try {
  const page = await tab(browser, look);
  await page.goto(url);
  await page.until(settled);
  await page.until("document.querySelector('#causes .notice')");
  const text = (selector) => page.ask(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  assert.equal(await text('#fleet-name'), 'EMEA');
  assert.match(await page.ask('document.title'), /EMEA · numctl$/);

  // What is the same of many is said once, with how many, since when and when it is tried again.
  assert.equal(await page.ask("document.querySelectorAll('#causes li').length"), 1);
  // A cycle that runs has no next try yet.
  await page.until("document.querySelector('#causes li')?.innerText.includes('next try')");
  assert.match(await text('#causes li'), /^\d+ × .*21650[^]* since \d\d:\d\d UTC, next try \d\d:\d\d UTC, /);
  const cards = await page.ask("[...document.querySelectorAll('#drifts .drift')].map((card) => card.innerText)");
  // Those that are tried in this cycle, and those that wait for their next try.
  assert.ok(cards.length <= 2, cards.join('\n---\n'));
  assert.ok(cards.some((card) => /^\d+ numbers\n/.test(card)), cards.join('\n---\n'));
  // Why, beside the state.
  assert.match(await text('.row .reason'), /ActionFailed: configure: .*21650/);

  // A view survives a reload.
  await page.ask(`(() => { const set = (id, value) => { document.getElementById(id).value = value; document.getElementById(id).dispatchEvent(new Event('input')); };
    set('standing', 'degraded'); set('search', '+15552230003'); document.getElementById('tab-mended').click(); })()`);
  const hash = await page.ask('location.hash');
  assert.equal(hash, '#standing=degraded&q=+15552230003&tab=mended');
  await page.goto('about:blank');
  await page.goto(url + hash);
  await page.until(settled.replace('> 3', '> 0'));
  assert.equal(await page.ask("document.getElementById('search').value"), '+15552230003');
  assert.equal(await page.ask("document.getElementById('standing').value"), 'degraded');
  await page.until("document.getElementById('tab-mended')?.getAttribute('aria-selected') === 'true'");

  // A number has an address, and a link to the vendor's console.
  await page.goto('about:blank');
  await page.goto(`${url}#number=+15552230005`);
  await page.until("document.readyState === 'complete' && document.getElementById('detail')?.open && document.querySelector('#detail-body a')");
  assert.equal(await text('#detail-title'), '+15552230005');
  assert.match(await page.ask("document.querySelector('#detail-body a').href"), /^https:\/\/console\.twilio\.com\/.*\/PN[0-9a-f]{32}\/configure$/);
  assert.match(await text('#detail-body'), /\(555\) 223-0005/, 'its name in the API');
  if (axe) {
    for (const scheme of ['light', 'dark']) {
      await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
      for (const isOpen of [true, false]) {
        if (!isOpen) await page.ask("document.getElementById('detail').close()");
        else if (!await page.ask("document.getElementById('detail').open")) await page.ask("openDetail('+15552230005')");
        await page.ask(readFileSync(axe, 'utf8') + ';0');
        const found = await page.ask('axe.run().then((found) => found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`))');
        assert.deepEqual(found, [], scheme);
      }
    }
  }

  // Stopped, its connections stay open.
  await page.ask("document.getElementById('detail').close()");
  process.kill(Number(pid), 'SIGSTOP');
  const began = Date.now();
  try {
    await page.until("document.body.classList.contains('lost')");
    const took = (Date.now() - began) / 1000;
    assert.ok(took < 15, `${took} s`);
    console.log(`a hung daemon is noticed after ${took.toFixed(1)} s`);
  } finally {
    process.kill(Number(pid), 'SIGCONT');
  }
  await page.until("!document.body.classList.contains('lost')");
  assert.deepEqual(page.complaints.filter((text) => !text.includes('Failed to load resource')), []);
} finally {
  await browser.close();
}
