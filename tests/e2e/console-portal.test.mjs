// SPDX-License-Identifier: Apache-2.0
// needs: web console
// The portal in a browser, as a person uses it: connect with true progress, the .rdp and .vv files and the one-time
// password, power, rebuilding, the Chinese language, a log-in that ends in the middle of a form, a server that goes and
// comes back, double clicks. And a department manager, who sees what is theirs.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { poll, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { rdpOpen, spiceOpen } from '../lib/wire.mjs';
import { Browser, axe, close, fitsWidth, logIn, picture, stopBoth } from '../lib/browser.mjs';

let yd;
let browser;
let office;
let page;
let alice;

before(async () => {
  yd = await Product.start();
  browser = await Browser.start(yd);
  office = await yd.office();
  alice = await yd.person('alice', { department: office.department.id });
});
after(() => stopBoth(browser, yd));

const button = (name, where = page) => where.getByRole('button', { name, exact: true });
const card = () => page.getByTestId('desktop-card');
const dialog = () => page.getByRole('dialog');
const gone = (locator) => locator.waitFor({ state: 'detached' });
const state = (name) => card().locator(`[data-state=${name}]`).waitFor({ timeout: 90000 });
async function power(what) {
  await card().getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: what, exact: true }).click();
}
const machines = async () => (await virsh('list', '--name')).trim().split('\n').filter((name) => name.startsWith('yd-'));

test('a first connect makes and starts a desktop, told step by step; the file opens it', { timeout: 200000 }, async () => {
  page = await browser.as(alice);
  await page.getByText('Made at your first connect').waitFor();
  await card().getByLabel('How to connect').selectOption('rdp');
  const steps = [];
  await page.exposeFunction('ydStep', (text) => steps.push(text));
  await page.evaluate(() => {
    new MutationObserver(() => {
      const text = document.querySelector('[role=status] .pf-v6-c-progress__status')?.textContent;
      if (text) window.ydStep(text);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const coming = page.waitForEvent('download', { timeout: 120000 });
  await button('Connect', card()).click();
  await page.getByRole('status').getByText('Your desktop is being made ready').waitFor();
  await axe(page, 'a desktop that is being made ready');
  const download = await coming;
  assert.match(download.suggestedFilename(), /\.rdp$/);
  const file = fs.readFileSync(await download.path(), 'utf8').replaceAll('\0', '');
  assert.match(file, new RegExp(`full address:s:${new URL(yd.url).host}\r`));
  const ticket = /loadbalanceinfo:s:Cookie: msts=([A-Za-z0-9_-]{20,})/.exec(file)?.[1];
  assert.ok(ticket, 'a ticket is in the file');
  const seen = new Set(steps);
  for (const step of ['starting the machine', 'waiting for the system']) assert.ok([...seen].some((it) => it.startsWith(step)), `step “${step}” was shown; seen: ${[...seen]}`);
  await dialog().getByText('Your one-time password').waitFor();
  const password = await dialog().getByTestId('secret').getByRole('textbox').inputValue();
  assert.ok(password.length >= 8);
  await axe(page, 'the one-time password');
  await picture(page, 'portal-password');
  await dialog().getByTestId('secret').getByRole('button').click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), password, 'the copy button copies it');
  await button('Close', dialog()).click();
  const { granted, wire } = await rdpOpen(yd.port, ticket);
  assert.ok(granted, 'the ticket of the file opens the desktop');
  wire.close();
  await state('ready');
  await axe(page, 'the portal');
  await picture(page, 'portal');
});

test('the open menu of a desktop passes axe', async () => {
  await card().getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Rebuild' }).waitFor();
  await axe(page, 'the menu of a desktop');
  await picture(page, 'portal-menu');
  await page.keyboard.press('Escape');
  await gone(page.getByRole('menuitem').first());
});

test('shutting down and starting are shown as they happen', { timeout: 200000 }, async () => {
  await power('Shut down');
  await state('off');
  assert.equal((await machines()).length, 0);
  await power('Start');
  await state('ready');
  assert.equal((await machines()).length, 1);
});

test('two quick clicks make one request', async () => {
  let asked = 0;
  await page.route('**/api/v1/pools/*/connections', async (route) => {
    asked++;
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    await route.continue();
  });
  const coming = page.waitForEvent('download');
  await button('Connect', card()).dblclick();
  await coming;
  await button('Close', dialog()).click();
  assert.equal(asked, 1);
  await page.unroute('**/api/v1/pools/*/connections');
});

test('rebuilding says what is lost, and wants the name', { timeout: 200000 }, async () => {
  await power('Rebuild');
  await dialog().getByText(/Everything that was installed or saved/).waitFor();
  await axe(page, 'the question before a rebuild');
  await picture(page, 'portal-rebuild');
  assert.ok(await button('Rebuild', dialog()).isDisabled());
  await dialog().locator('#confirm-name').fill('office');
  await button('Rebuild', dialog()).click();
  await gone(dialog());
  await page.getByText('Rebuilding – office: done').waitFor({ timeout: 90000 });
  await state('off');
});

test('the language changes at once and is kept with the account', async () => {
  await button('中文').click();
  await page.getByRole('heading', { name: '我的桌面', level: 1 }).waitFor();
  await card().getByText('已关机').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  await axe(page, 'the Chinese portal');
  await picture(page, 'portal-zh');
  await poll('the account has it', async () => (await yd.api('GET', `/users/${alice.id}`)).language === 'zh-CN');
  const other = await browser.as(alice);
  await other.getByRole('heading', { name: '我的桌面', level: 1 }).waitFor();
  await close(other);
  await button('English').click();
  await page.getByRole('heading', { name: 'My desktops', level: 1 }).waitFor();
});

test('a log-in that ends in the middle of a form loses nothing', async () => {
  const boss = await browser.as(yd.admin, { where: '/departments' });
  await boss.getByRole('button', { name: 'Add a department' }).click();
  await boss.locator('#field-number').fill('D9');
  await boss.locator('#field-name').fill('Typed before the log-in ended');
  const { items } = await yd.api('GET', '/me/logins');
  for (const login of items.filter((it) => it.kind === 'cookie')) await yd.api('DELETE', `/me/logins/${login.id}`);
  await boss.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  await boss.getByText('Your log-in has ended.').waitFor();
  await boss.locator('#login-password').fill(yd.admin.password);
  await boss.locator('#login-password').press('Enter');
  await boss.getByRole('row').filter({ hasText: 'Typed before the log-in ended' }).waitFor();
  assert.equal((await yd.api('GET', '/departments?number=D9')).items[0].name, 'Typed before the log-in ended');
  await close(boss);
});

test('the account names this log-in, and ends others', async () => {
  const other = await browser.as(alice, { where: '/account' });
  await page.goto('/account');
  const logins = page.getByRole('listitem').filter({ hasText: /Chrome, Linux/ });
  await logins.nth(1).waitFor();
  assert.equal(await logins.filter({ hasText: 'This log-in' }).count(), 1);
  assert.equal(await logins.filter({ hasText: 'This log-in' }).getByRole('button').count(), 0, 'not ended by mistake');
  await axe(page, 'the account');
  const before = await logins.count();
  await logins.filter({ has: page.getByRole('button', { name: 'End' }) }).first().getByRole('button').click();
  await poll('another log-in has ended', async () => (await logins.count()) === before - 1);
  await close(other);
});

test('a server that goes away and comes back is told of, and the page goes on by itself', { timeout: 120000 }, async () => {
  await page.goto('/account');
  await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor();
  await page.locator('#password-old').fill('half typed');
  await yd.programs.deskd.stop();
  await page.getByTestId('offline').waitFor();
  await axe(page, 'the page without a server');
  await yd.startAll();
  await gone(page.getByTestId('offline'));
  assert.equal(await page.locator('#password-old').inputValue(), 'half typed', 'nothing typed was lost');
  await yd.api('PATCH', `/pools/${office.pool.id}`, { body: { name: 'bureau' } });
  await page.getByRole('navigation').getByRole('link', { name: 'My desktops' }).click();
  await page.getByRole('heading', { name: 'bureau' }).waitFor();
});

test('a pool that was taken back says so by itself, and that the desktop is kept', async () => {
  const { items } = await yd.api('GET', `/pools/${office.pool.id}/entitlements`);
  await yd.api('DELETE', `/pools/${office.pool.id}/entitlements/${items[0].id}`);
  await card().getByText('This pool is not given to you any more.').waitFor();
  assert.ok(await button('Connect', card()).isDisabled());
  await axe(page, 'a pool that was taken back');
  await page.setViewportSize({ width: 360, height: 740 });
  await yd.api('POST', `/pools/${office.pool.id}/entitlements`, { body: { department_id: office.department.id } });
  await gone(card().getByText('This pool is not given to you any more.'));
  assert.ok(await button('Connect', card()).isEnabled(), 'given again');
  await fitsWidth(page, 'the portal');
  await picture(page, 'portal-narrow');
  await close(page);
});

test('a pool of SPICE desktops gives a file for Remote Viewer', { timeout: 200000 }, async () => {
  const spice = await yd.api('POST', '/templates', { body: { name: 'tiny-spice', os: 'linux', access: 'spice' } });
  const image = `${yd.uploads}/tiny.qcow2`;
  await yd.job(await yd.api('POST', `/templates/${spice.id}/versions`, { body: { path: image } }));
  const version = (await yd.api('GET', `/templates/${spice.id}/versions`)).items[0];
  const pool = await yd.api('POST', '/pools', { body: { name: 'spicy', template_version_id: version.id, network_id: office.network.id, vcpus: 1, memory_mib: 128 } });
  const carol = await yd.person('carol');
  await yd.api('POST', `/pools/${pool.id}/entitlements`, { body: { user_id: carol.id } });
  page = await browser.as(carol);
  const coming = page.waitForEvent('download', { timeout: 120000 });
  await button('Connect', card()).click();
  const download = await coming;
  assert.match(download.suggestedFilename(), /\.vv$/);
  const file = fs.readFileSync(await download.path(), 'utf8');
  const ticket = /proxy=https?:\/\/ticket:([A-Za-z0-9_-]{20,})@/.exec(file)?.[1];
  assert.ok(ticket, file);
  await dialog().getByText(/Open it with Remote Viewer/).waitFor();
  await button('Close', dialog()).click();
  const { granted, wire } = await spiceOpen(yd.port, ticket);
  assert.ok(granted);
  wire.close();
  const picture0 = card().getByRole('img', { name: 'Screen of spicy' });
  await picture0.waitFor();
  await poll('the picture of the screen is there', () => picture0.evaluate((it) => it.complete && it.naturalWidth > 0 && it.naturalWidth <= 480));
  await axe(page, 'the portal with a picture');
  await picture(page, 'portal-picture');
  const own = (await yd.api('GET', '/me/desktops', { token: carol.token })).items[0].desktop;
  const others = await Promise.all([alice, yd.admin].map((who) => yd.request('GET', `/api/v1/desktops/${own.id}/picture`, { token: who.token })));
  assert.deepEqual(others.map((it) => it.status), [404, 404], 'nobody else sees it here, not even an administrator');
  await close(page);
});

test('a manager sees only their departments, and no page of others', async () => {
  const mona = await yd.person('mona', { role: 'manager' });
  await yd.api('POST', `/departments/${office.department.id}/managers`, { body: { user_id: mona.id } });
  await yd.api('POST', '/departments', { body: { number: 'D7', name: 'Foreign' } });
  page = await browser.as(mona, { where: '/users' });
  await page.getByRole('row').filter({ hasText: 'alice' }).waitFor();
  assert.equal(await page.getByRole('row').filter({ hasText: 'carol' }).count(), 0);
  assert.equal(await button('Add a person').count(), 0);
  await axe(page, 'people for a manager');
  await page.goto('/departments');
  await page.getByRole('row').filter({ hasText: 'Office' }).waitFor();
  assert.equal(await page.getByRole('row').filter({ hasText: 'Foreign' }).count(), 0);
  await page.goto('/desktops');
  await page.getByRole('row').filter({ hasText: 'alice' }).waitFor();
  assert.equal(await page.getByRole('row').filter({ hasText: 'carol' }).count(), 0);
  await picture(page, 'desktops-manager');
  const sections = await page.getByRole('navigation').getByRole('link').allTextContents();
  for (const hidden of ['Hosts', 'Networks', 'Templates', 'Settings', 'Audit log']) assert.ok(!sections.includes(hidden), hidden);
  for (const refused of ['/hosts', '/networks', '/settings', '/audit', '/overview']) {
    await page.goto(refused);
    await page.getByText('There is nothing at this address.').waitFor();
  }
  await axe(page, 'a page that is not there');
  await close(page);
});

test('a person may not see what is the administrator’s, nor another’s screen', async () => {
  page = await browser.as(alice, { where: '/users' });
  await page.getByText('There is nothing at this address.').waitFor();
  const foreign = (await yd.api('GET', '/desktops')).items.find((it) => it.username === 'carol');
  await page.goto(`/console/${foreign.id}`);
  await page.getByTestId('problem').waitFor();
  assert.equal(await page.locator('canvas').count(), 0);
  await page.goto('/');
  await page.getByTestId('user-menu').click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await page.locator('#login-username').waitFor();
  await logIn(page, alice);
  await page.getByRole('heading', { name: 'My desktops', level: 1 }).waitFor();
  await close(page);
});
