// SPDX-License-Identifier: Apache-2.0
// Times as a person sees them, taken inside of the page: until something can be clicked, until the rows of a list are
// painted. The page looks once in each frame (60 a second), so that is the resolution: up to 17 ms are added.

import fs from 'node:fs';
import path from 'node:path';
import { ok } from './process.mjs';
import { build } from './product.mjs';

export const PASSWORD = 'Correct-Horse-9'; // of everybody that bench-seed makes

// A long list: so many people with a desktop each, in the store of a product whose programs do not run.
export const seed = (yd, desktops = 10000) => ok(path.join(build, 'bench/bench-seed'), [path.join(yd.state, 'yundesk.db'), String(desktops)], { seconds: 240 });

// Runs in the page before its own scripts.
function watcher() {
  const frame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
  const clickable = (element) => {
    if (!element || element.disabled) return false;
    const box = element.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.width > 0 && top !== null && element.contains(top);
  };
  const until = async (what, condition) => {
    const end = performance.now() + 60000;
    let value = condition();
    while (!value) {
      if (performance.now() > end) throw new Error(`not within 60 s: ${what()}`);
      await frame();
      value = condition();
    }
    await frame(); // now it is painted
    return value;
  };
  const lists = () => performance.getEntriesByType('resource').filter((it) => /\/api\/v1\/\w+\?.*limit=/.test(it.name));
  let since = 0;
  let pressed = -1000; // a click counts from when the button went down
  addEventListener('pointerdown', (event) => { pressed = event.timeStamp; }, true);
  addEventListener('click', (event) => { since = event.timeStamp - pressed < 1000 ? pressed : event.timeStamp; }, true);
  for (const kind of ['change', 'keydown', 'input']) addEventListener(kind, (event) => { since = event.timeStamp; }, true);
  window.ydSpeed = {
    // Milliseconds since the navigation began until the element can be clicked.
    async clickable(selector, text) {
      const found = () => [...document.querySelectorAll(selector)].find((it) => !text || it.textContent.trim() === text);
      await until(() => `${selector} ${text} can be clicked`, () => clickable(found()));
      return performance.now();
    },
    forget() {
      performance.clearResourceTimings();
      since = 0;
    },
    // Milliseconds since the last click, key or choice until rows of a list that was asked for since are painted.
    async rows() {
      const entry = await until(() => `a list is read and shown; since ${since}: ${lists().map((it) => [it.name, it.startTime, it.responseEnd])}; ${document.body.innerText.slice(0, 600)}`, () => {
        const last = since && lists().at(-1);
        return last && last.startTime >= since && last.responseEnd > 0 && document.querySelector('.yd-scroll[aria-busy=false] tbody tr') && last;
      });
      return { painted: performance.now() - since, request: entry.responseEnd - entry.startTime };
    },
    since: () => since,
  };
}

// Makes ydSpeed known to all pages of this window.
const watch = (page) => page.context().addInitScript(watcher);

const SETTLED_MS = 2500;

// A window of its own: nothing is cached, no connection is open. A new window of Chromium first loads pages of its own
// (those below the address bar), for a second or two; what is measured begins after that.
export async function quietWindow(browser, storageState) {
  const page = await browser.open({ where: 'about:blank', storageState });
  await watch(page);
  await page.waitForTimeout(SETTLED_MS);
  return page;
}

// Until the page's large button can be clicked, from the navigation on.
export async function usable(page, where, text = 'Connect', selector = '[data-testid=desktop-card] button') {
  await page.goto(where, { waitUntil: 'commit' });
  return page.evaluate(([it, label]) => window.ydSpeed.clickable(it, label), [selector, text]);
}

// Logs in by the form that the page shows; milliseconds from the Enter key until the button can be clicked.
export async function logInUntilUsable(page, { username, password }, text = 'Connect', selector = '[data-testid=desktop-card] button') {
  await page.locator('#login-username').fill(username);
  await page.locator('#login-password').fill(password);
  await page.evaluate(() => window.ydSpeed.forget());
  await page.locator('#login-password').press('Enter');
  return page.evaluate(async ([it, label]) => await window.ydSpeed.clickable(it, label) - window.ydSpeed.since(), [selector, text]);
}

// Does something that makes the list ask the server; { painted, request } in milliseconds.
export async function rows(page, act) {
  await page.evaluate(() => window.ydSpeed.forget());
  await act();
  return page.evaluate(() => window.ydSpeed.rows());
}

// The value below which this share (0…1) of the values lies.
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

// "n  p50  p95  max" of milliseconds, for a line of a table.
export function summary(values, digits = 0) {
  const shown = (value) => value.toFixed(digits).padStart(8);
  return `${String(values.length).padStart(4)} ${shown(percentile(values, 0.5))} ${shown(percentile(values, 0.95))} ${shown(Math.max(...values))}`;
}

// KiB of memory of its own that a process has.
export const ownMemory = (pid) => Number(/^RssAnon:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// What a page keeps after a garbage collection: { heap (MiB of JavaScript), nodes, listeners }.
export async function kept(page) {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
    return { heap: usedSize / 1048576, nodes, listeners: jsEventListeners };
  } finally {
    await session.detach();
  }
}
