// A headless Chromium over its own protocol, by a pipe: no package is needed.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Starts the browser; `close` ends it. */
export async function open(program) {
  const profile = mkdtempSync(join(tmpdir(), 'numctl-page-'));
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
    '--no-first-run', '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'];
  const child = spawn(program, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const [input, output] = [child.stdio[3], child.stdio[4]];
  const waiting = new Map();
  const listeners = [];
  let [left, id] = ['', 0];
  output.setEncoding('utf8');
  output.on('data', (text) => {
    const messages = (left + text).split('\0');
    left = messages.pop();
    for (const message of messages.map((part) => JSON.parse(part))) {
      const entry = waiting.get(message.id);
      waiting.delete(message.id);
      if (entry && message.error) entry.reject(new Error(`${entry.method}: ${message.error.message}`));
      else if (entry) entry.resolve(message.result);
      else listeners.forEach((listener) => listener(message));
    }
  });
  const call = (method, params = {}, sessionId) => new Promise((resolve, reject) => {
    id += 1;
    waiting.set(id, { resolve, reject, method });
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });
  const close = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // Its helpers write until they end with it: asked first, killed if that takes long.
    call('Browser.close').catch(() => {});
    const patience = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(patience);
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  return { call, close, listen: (listener) => listeners.push(listener) };
}

/** A tab of a size, in light or dark. `complaints` are what a page should never cause. */
export async function tab(browser, { width, height, dark, mobile = false }) {
  const { targetId } = await browser.call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await browser.call('Target.attachToTarget', { targetId, flatten: true });
  const call = (method, params) => browser.call(method, params, sessionId);
  const complaints = [];
  browser.listen((message) => {
    if (message.sessionId !== sessionId) return;
    if (message.method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(message.params.exceptionDetails));
    if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error') complaints.push(JSON.stringify(message.params.entry));
    if (message.method === 'Page.javascriptDialogOpening') complaints.push(`a dialog: ${message.params.message}`);
  });
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(`${domain}.enable`);
  await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
  await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  /** The value of an expression in the page. */
  const ask = async (expression) => {
    const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  };
  /** Waits until an expression is true. */
  const until = async (expression) => {
    for (const end = Date.now() + 30_000; !(await ask(expression));) {
      if (Date.now() > end) throw new Error(`it never came to be that ${expression}\n${complaints.join('\n')}\n${await ask('document.body.innerText')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const shoot = async (path, whole = false) => {
    const { data } = await call('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole });
    writeFileSync(path, Buffer.from(data, 'base64'));
  };
  return { call, ask, until, shoot, complaints, goto: (url) => call('Page.navigate', { url }) };
}
