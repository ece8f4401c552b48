// SPDX-License-Identifier: Apache-2.0
// How fast the console is in a real browser, against the real deskd behind the real gate: from the navigation until the
// portal can be used, and pages of a list of 10,000 desktops until they are painted. Times are milliseconds, taken in the
// page once in each frame (17 ms). Needs root (a laboratory) and the built console.
//
//   bench/run console [portal] [lists] [requests] [TIMES]

import { Browser, close } from '../tests/lib/browser.mjs';
import { Product } from '../tests/lib/product.mjs';
import { PASSWORD, logInUntilUsable, quietWindow, rows, seed, summary, usable } from '../tests/lib/speed.mjs';

const words = process.argv.slice(2);
const times = Number(words.find((word) => /^\d+$/.test(word)) ?? 10);
const parts = words.filter((word) => !/^\d+$/.test(word));
const wanted = (part) => parts.length === 0 || parts.includes(part);
const person = { username: 'user00123', password: PASSWORD };
const admin = { username: 'admin', password: PASSWORD };
const LOADED_AHEAD_MS = 1500;
const line = (title, values, digits) => console.log(`${title.padEnd(58)}${summary(values, digits)}`);
const head = (title) => console.log(`\n${title.padEnd(58)}   n      p50      p95      max`);

// Each in a window of its own: nothing is cached, no connection is open.
async function measurePortal(browser) {
  const form = [];
  const login = [];
  const cold = [];
  const warm = [];
  const reload = [];
  let state;
  for (let i = 0; i < times; i++) {
    const page = await quietWindow(browser);
    form.push(await usable(page, '/', '', '#login-password'));
    login.push(await logInUntilUsable(page, person));
    state ??= await page.context().storageState();
    await close(page);
  }
  for (let i = 0; i < times; i++) {
    const page = await quietWindow(browser, state);
    cold.push(await usable(page, '/'));
    warm.push(await usable(page, '/'));
    await page.goto('about:blank');
    reload.push(await usable(page, '/portal'));
    await close(page);
  }
  head('portal: navigation until “Connect” can be clicked, ms');
  line('stored session, cold cache', cold);
  line('stored session, warm cache', warm);
  line('the same, coming from another page', reload);
  line('navigation until the log-in form can be used, cold cache', form);
  line('Enter in the log-in form until usable (one argon2id hash)', login);
}

// Each round in a window of its own: the page keeps what it has read.
async function measureLists(browser) {
  const painted = {};
  const asked = {};
  let state;
  for (let i = 0; i < times; i++) {
    const page = await quietWindow(browser, state);
    if (!state) {
      await usable(page, '/overview', '', '#login-password');
      await logInUntilUsable(page, admin, '', '[data-testid=user-menu]');
      state = await page.context().storageState();
    } else {
      await usable(page, '/overview', '', '[data-testid=user-menu]');
    }
    await page.locator('main h1').waitFor();
    const note = async (what, act) => {
      const it = await rows(page, act);
      (painted[what] ??= []).push(it.painted);
      (asked[what] ??= []).push(it.request);
    };
    const column = (name) => page.getByRole('columnheader', { name }).getByRole('button').click();
    // The code of pages is loaded ahead while the console is idle; each other time the click comes before that.
    const early = i % 2 === 1;
    if (!early) await page.waitForTimeout(LOADED_AHEAD_MS);
    await note(early ? 'first page at once, the page’s code included' : 'first page', () => page.getByRole('link', { name: 'Desktops', exact: true }).click());
    await note('next page', () => page.getByRole('button', { name: 'Next page' }).click());
    await note('sorted by owner', () => column('Person'));
    await note('sorted by owner, the end of the list', () => column('Person'));
    await note('sorted by state', () => column('State'));
    await note('filter: failed', () => page.getByLabel('State').selectOption('failed'));
    await note('search (250 ms of them waiting for more letters)', () => page.getByRole('textbox', { name: 'Search' }).fill(`user00${100 + 20 * i}`));
    for (const list of ['People', 'Sessions', 'Jobs', 'Audit log']) {
      await note(`first page of: ${list}`, () => page.getByRole('link', { name: list, exact: true }).click());
    }
    await close(page);
  }
  head('10,000 desktops: click until the rows are painted, ms');
  for (const [what, values] of Object.entries(painted)) line(what, values);
  head('the same: request until the whole answer, in the browser');
  for (const [what, values] of Object.entries(asked)) line(what, values);
}

// The requests alone, from here through the gate.
async function measureRequests(yd) {
  const token = (await yd.request('POST', '/api/v1/login', { body: { ...admin, kind: 'bearer' } })).body.token;
  head('10,000 desktops: requests alone, over one connection, ms');
  const ask = async (query) => {
    const since = performance.now();
    const answer = await yd.api('GET', `/desktops?limit=50&${query}`, { token });
    return { took: performance.now() - since, answer };
  };
  for (const [what, query] of [['first page, sorted by name, with total', 'total=true&sort=name'], ['sorted by owner', 'total=true&sort=username'],
    ['sorted by owner, from the end', 'total=true&sort=-username'], ['sorted by state', 'total=true&sort=state'],
    ['filter: failed', 'total=true&sort=name&state=failed'], ['search', 'total=true&sort=name&search=user012']]) {
    const took = [];
    for (let i = 0; i < times * 3; i++) took.push((await ask(query)).took);
    line(what, took, 1);
  }
  for (const sort of ['name', 'username']) {
    const took = [];
    let cursor = '';
    let seen = 0;
    do {
      const it = await ask(`total=true&sort=${sort}${cursor && `&cursor=${cursor}`}`);
      took.push(it.took);
      seen += it.answer.items.length;
      cursor = it.answer.next;
    } while (cursor);
    if (seen !== 10000) throw new Error(`${seen} desktops were listed`);
    line(`all ${took.length} pages one after another, sorted by ${sort}`, took, 1);
    line('  the last of them', took.slice(-1), 1);
  }
}

const yd = await Product.make({ admin: 'founder' });
await seed(yd);
await yd.startAll();
console.error('bench: 10,000 desktops are stored');
const browser = await Browser.start(yd);
try {
  if (wanted('portal')) await measurePortal(browser);
  if (wanted('lists')) await measureLists(browser);
  if (wanted('requests')) await measureRequests(yd);
} finally {
  await browser.stop();
  await yd.stop();
}
