// SPDX-License-Identifier: Apache-2.0
// needs: web console
// What administrators do with templates and pools, by the console's own menus and forms: a workbench is opened, published
// and discarded, a version is read again and its users are shown; a floating pool with opening hours is made, and one with
// personal disks, whose page shows what people have.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, axe, close, fitsWidth, picture, stopBoth } from '../lib/browser.mjs';
import { Product } from '../lib/product.mjs';

let yd;
let office;
let browser;
let page;

before(async () => {
  yd = await Product.start();
  office = await yd.office({ personal_disk_gib: 1 });
  browser = await Browser.start(yd);
  page = await browser.as(yd.admin, { where: '/templates' });
});
after(() => stopBoth(browser, yd));

const button = (name, where = page) => where.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');
const gone = (locator) => locator.waitFor({ state: 'detached' });
async function act(name, what, where = page) {
  await where.getByRole('row').filter({ hasText: name }).getByRole('button', { name: /^Actions for|操作/ }).click();
  await page.getByRole('menuitem', { name: what, exact: true }).click();
}
const workbench = async () => (await yd.api('GET', `/desktops?template_id=${office.template.id}`)).items[0];
const versions = async () => (await yd.api('GET', `/templates/${office.template.id}/versions`)).items;

test('a workbench is opened on a version, and published, from the dialogs’ own menus', { timeout: 300000 }, async () => {
  await act('tiny', 'Versions');
  await act('ready', 'Who uses it', dialog());
  await dialog().getByText('office').waitFor();
  await axe(page, 'who uses a version');
  await button('Close', dialog()).last().click();
  await act('ready', 'Read all of it again', dialog());
  await picture(page, 'template-versions');
  await axe(page, 'the versions of a template');
  await act('ready', 'Open a workbench', dialog());
  await button('Open', dialog().getByRole('contentinfo')).click();
  await page.waitForURL(/\/console\/dsk-/, { timeout: 180000 }); // its screen opens by itself
  assert.equal((await workbench()).state, 'ready');
  await page.goto(new URL('/templates', page.url()).href);
  await act('tiny', 'Workbenches');
  await dialog().getByText('tiny-workbench').waitFor();
  await axe(page, 'the workbenches of a template');
  await picture(page, 'template-workbenches');
  await act('tiny-workbench', 'Publish as a version', dialog());
  await dialog().locator('#field-notes').fill('published by the console');
  await axe(page, 'the form of a publish');
  await button('Publish as a version', dialog()).click();
  await yd.wait('version 2 is ready', async () => (await versions()).some((it) => it.number === 2 && it.state === 'ready'), 240);
  const second = (await versions()).find((it) => it.number === 2);
  assert.deepEqual([second.notes, second.author, second.parent_id], ['published by the console', 'admin', office.version.id]);
});

test('a workbench is discarded after a question', { timeout: 180000 }, async () => {
  await yd.job(await yd.api('POST', `/templates/${office.template.id}/workbenches`, { body: {} }));
  await page.reload();
  await act('tiny', 'Workbenches');
  await act('tiny-workbench', 'Discard', dialog());
  await button('Discard', dialog()).click();
  await yd.wait('the workbench is gone', async () => !await workbench(), 60);
  assert.equal((await versions()).length, 2, 'its version stays');
});

test('a floating pool with spares and opening hours is made by the form, in Chinese', { timeout: 120000 }, async () => {
  const chinese = await browser.as(yd.admin, { where: '/pools', language: 'zh-CN' });
  await chinese.getByRole('button', { name: '添加桌面池' }).click();
  const form = chinese.getByRole('dialog');
  await form.locator('#field-name').fill('training');
  await form.locator('#field-kind').selectOption('floating');
  await form.locator('#field-vcpus').fill('1');
  await form.locator('#field-memory_mib').fill('128');
  await form.locator('#field-max_desktops').fill('1');
  await form.locator('#field-min_ready').fill('0');
  await form.getByRole('button', { name: /^电源/ }).click();
  await form.locator('#field-power_pause_seconds').fill('30');
  await form.locator('#field-power_mon').fill('08:00-25:00');
  await axe(chinese, 'the form of a floating pool');
  await picture(chinese, 'pool-power-form');
  await form.getByRole('button', { name: '添加', exact: true }).click();
  await form.getByTestId('problem').waitFor();
  assert.match(await form.getByTestId('problem').innerText(), /[一-鿿]/, 'told in Chinese');
  await form.locator('#field-power_mon').fill('08:00-18:00');
  await form.getByRole('button', { name: '添加', exact: true }).click();
  await gone(form);
  const pool = (await yd.api('GET', '/pools?name=training')).items[0];
  assert.deepEqual([pool.kind, pool.max_desktops, pool.power.pause_seconds, pool.power.hours], ['floating', 1, 1800, { mon: '08:00-18:00' }]);
  await close(chinese);
});

test('the page of personal disks, and a desktop that says what it takes', { timeout: 240000 }, async () => {
  const alice = await yd.person('alice', { department: office.department.id });
  await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  await page.reload(); // out of the dialog
  await page.getByRole('navigation').getByRole('link', { name: 'Personal disks', exact: true }).click();
  await page.getByRole('row').filter({ hasText: 'alice' }).waitFor();
  await axe(page, 'the personal disks');
  await fitsWidth(page, 'the personal disks');
  await picture(page, 'personal-disks');
  await act('alice', 'Make larger');
  await dialog().locator('#field-size_gib').fill('2');
  await button('Make larger', dialog()).click();
  await yd.wait('the disk has grown', async () => (await yd.api('GET', '/personal-disks')).items[0].size_gib === 2, 60);
  const [desktop] = (await yd.api('GET', `/desktops?pool_id=${office.pool.id}`)).items;
  await page.getByRole('navigation').getByRole('link', { name: 'Desktops', exact: true }).click();
  await page.getByRole('link', { name: desktop.name }).click();
  await page.getByText('Takes on disk').waitFor();
  await axe(page, 'a desktop with a personal disk');
});
