// node shots.mjs CHROMIUM URL DIRECTORY: pictures of the page, light, dark and on a phone.

import { join } from 'node:path';
import { open, tab } from './browser.mjs';

const [program, url, directory] = process.argv.slice(2);
const browser = await open(program);
const looks = {
  light: { width: 1280, height: 900, dark: false },
  dark: { width: 1280, height: 900, dark: true },
  phone: { width: 390, height: 844, dark: false, mobile: true },
  'phone-dark': { width: 390, height: 844, dark: true, mobile: true },
};
try {
  for (const [name, look] of Object.entries(looks)) {
    const page = await tab(browser, look);
    await page.goto(url);
    await page.until("document.readyState === 'complete' && document.querySelectorAll('.row').length > 3");
    await new Promise((resolve) => setTimeout(resolve, 400));
    await page.shoot(join(directory, `${name}.png`), false);
    const height = await page.ask('document.documentElement.scrollHeight');
    await page.call('Emulation.setDeviceMetricsOverride', { width: look.width, height, deviceScaleFactor: 1, mobile: Boolean(look.mobile) });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await page.shoot(join(directory, `${name}-whole.png`), false);
    if (page.complaints.length) console.error(page.complaints.join('\n'));
  }
} finally {
  await browser.close();
}
