// SPDX-License-Identifier: Apache-2.0
// needs: web console
// of the release build
// alone
// What may not become slow: the portal on a cold cache, lists of 10,000 desktops. The goals of docs/numbers.md with a wide
// margin, since the machine may be slow; bench/run console prints the real numbers.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Product } from '../lib/product.mjs';
import { Browser, close, stopBoth } from '../lib/browser.mjs';
import { PASSWORD, logInUntilUsable, percentile, quietWindow, rows, seed, usable } from '../lib/speed.mjs';

const USABLE_MS = 5000; // goal: 1000
const LIST_MS = 1500; // goal: 150
const DESKTOPS = 10000;

let yd;
let browser;
let admin;

before(async () => {
  yd = await Product.make({ admin: 'founder' });
  await seed(yd, DESKTOPS);
  await yd.startAll();
  browser = await Browser.start(yd);
  admin = { username: 'admin', password: PASSWORD };
  yd.admin = { ...admin, token: await yd.login(admin.username, admin.password) };
});
after(() => stopBoth(browser, yd));

test('the portal can be used soon, with nothing cached', { timeout: 300000 }, async (t) => {
  const took = [];
  let state;
  for (let i = 0; i < 4; i++) {
    const page = await quietWindow(browser, state);
    if (!state) {
      await usable(page, '/', '', '#login-password');
      await logInUntilUsable(page, { username: 'user00123', password: PASSWORD });
      state = await page.context().storageState();
    } else {
      took.push(await usable(page, '/'));
    }
    await close(page);
  }
  t.diagnostic(`usable after ${took.map(Math.round).join(', ')} ms`);
  assert.ok(percentile(took, 0.5) < USABLE_MS, `${took.map(Math.round)} ms`);
});

test('a list of 10,000 desktops feels like one of ten', { timeout: 300000 }, async (t) => {
  const page = await quietWindow(browser);
  await usable(page, '/overview', '', '#login-password');
  await logInUntilUsable(page, admin, '', '[data-testid=user-menu]');
  const column = (name) => page.getByRole('columnheader', { name }).getByRole('button').click();
  const acts = {
    'first page': () => page.getByRole('link', { name: 'Desktops', exact: true }).click(),
    'next page': () => page.getByRole('button', { name: 'Next page' }).click(),
    'by person': () => column('Person'),
    'from the end': () => column('Person'),
    'failed ones': () => page.getByLabel('State').selectOption('failed'),
  };
  const took = {};
  for (const [what, act] of Object.entries(acts)) {
    took[what] = (await rows(page, act)).painted;
    assert.equal(await page.locator('.yd-scroll tbody tr').count(), 50, what);
  }
  await page.getByText(`${DESKTOPS / 20} in all`).waitFor();
  t.diagnostic(Object.entries(took).map(([what, ms]) => `${what} ${Math.round(ms)} ms`).join(', '));
  // Once may be bad luck on a busy machine, twice not.
  const slow = Object.values(took).filter((ms) => ms > LIST_MS);
  assert.ok(slow.length < 2, JSON.stringify(took));
  await close(page);
});
