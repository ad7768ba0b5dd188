// node speed.mjs CHROMIUM URL: how long filtering and scrolling hold the page up.

import { open, tab } from './browser.mjs';

const [program, url] = process.argv.slice(2);
const browser = await open(program);
try {
  const page = await tab(browser, { width: 1280, height: 900, dark: false });
  const watch = `window.long = []; new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.long.push(Math.round(entry.duration)))).observe({ entryTypes: ['longtask'] });`;
  await page.call('Page.addScriptToEvaluateOnNewDocument', { source: watch });
  const long = async (what) => console.log(`tasks over 50 ms ${what}: ${(await page.ask('window.long.splice(0).join(" ")')) || 'none'}`);
  const begin = Date.now();
  await page.goto(url);
  await page.until("document.querySelectorAll('.row').length > 3");
  console.log(`numbers shown after ${Date.now() - begin} ms: ${await page.ask("sorted.length")}`);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await long('while it loads');
  const times = await page.ask(`(async () => {
    const box = document.querySelector('#search');
    const times = [];
    for (const words of ['5', '55', '555223', 'line', 'line 7', 'zürich', 'nobody', 'declared', '(555) 223-0', '']) {
      const begin = performance.now();
      box.value = words;
      await filter();
      document.body.offsetHeight;
      times.push([words, found.length, performance.now() - begin]);
    }
    return times;
  })()`);
  for (const [words, count, ms] of times) console.log(`filter ${JSON.stringify(words)}: ${count} found, ${ms.toFixed(1)} ms`);
  await long('while filtering');
  const frames = await page.ask(`new Promise((resolve) => {
    const list = document.querySelector('#list');
    const times = [];
    let last = performance.now();
    const step = () => {
      times.push(performance.now() - last);
      last = performance.now();
      list.scrollTop += 20011;
      if (times.length < 120) requestAnimationFrame(step); else resolve(times.slice(1).sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
  })`);
  console.log(`scrolling: median frame ${frames[60].toFixed(1)} ms, worst ${frames.at(-1).toFixed(1)} ms`);
  await long('while scrolling');
  const before = await page.ask('versionOfRows');
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  await long(`in 8 s of updates (versions ${before} to ${await page.ask('versionOfRows')})`);
  console.log(`heap: ${(await page.ask('performance.memory.usedJSHeapSize')) >> 20} MiB`);
} finally {
  await browser.close();
}
