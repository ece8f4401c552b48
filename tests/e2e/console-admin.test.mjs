// SPDX-License-Identifier: Apache-2.0
// needs: web console
// The console in a browser, as an administrator uses it: first log-in, first steps, importing people, network, template,
// pool, department and grant, tables, two administrators on one object, hostile names, deleting.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { dir, poll } from '../lib/process.mjs';
import { Product, guestImage, source } from '../lib/product.mjs';
import { xlsxOf } from '../lib/xlsx.mjs';
import { Browser, axe, close, fitsWidth, logIn, picture, stopBoth } from '../lib/browser.mjs';

const HOSTILE = '<img src=x onerror="document.title=\'owned\'">"\'&{{7*7}}';
const PASSWORD = 'Lantern-61-harbour-quilt';
let yd;
let browser;
let page;
const admin = { username: 'admin', password: PASSWORD };

before(async () => {
  yd = await Product.make();
  await yd.startAll();
  browser = await Browser.start(yd);
});
after(() => stopBoth(browser, yd));

const button = (name, where = page) => where.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');
const row = (name) => page.getByRole('row').filter({ hasText: name });
async function section(name) {
  await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
}
async function fill(fields) {
  for (const [name, value] of Object.entries(fields)) {
    const field = dialog().locator(`#field-${name}`);
    if (await field.evaluate((it) => it.tagName) === 'SELECT') await field.selectOption(value);
    else await field.fill(value);
  }
}
async function act(name, what) {
  await row(name).getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: what, exact: true }).click();
}
const gone = (locator) => locator.waitFor({ state: 'detached' });

test('the first log-in asks for a password of one’s own', async () => {
  page = await browser.open();
  await logIn(page, { username: 'admin', password: 'wrong' });
  await page.getByTestId('problem').waitFor();
  assert.equal(await page.locator('#login-password').inputValue(), '', 'the wrong password does not stay');
  await axe(page, 'the log-in page with an error');
  await page.locator('#login-password').fill(yd.first.password);
  await button('Log in').click();
  await page.locator('#password-old').fill(yd.first.password);
  await page.locator('#password-fresh').fill(PASSWORD);
  await page.locator('#password-repeat').fill(`${PASSWORD}x`);
  await page.getByText('The two new passwords differ.').waitFor();
  await axe(page, 'the page for a new password');
  await page.locator('#password-repeat').fill(PASSWORD);
  await button('Change password').click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  yd.admin = { ...admin, token: await yd.login('admin', PASSWORD) };
});

test('an empty system leads through its first steps', async () => {
  const steps = page.getByRole('listitem').filter({ hasText: /^(Make|Import|Give)/ });
  assert.equal(await steps.count(), 5);
  await page.getByRole('link', { name: 'Make a network' }).click();
  await button('Add a network').click();
  await fill({ name: 'office', cidr: '10.98.0.0/24' });
  await button('Add', dialog()).click();
  await gone(dialog());
  await row('office').getByText('active').waitFor();

  const image = path.join(yd.uploads, 'tiny.qcow2');
  fs.copyFileSync(await guestImage('tiny'), image);
  await section('Templates');
  await button('Add a template').click();
  await fill({ name: 'tiny', access: 'rdp' });
  await button('Add', dialog()).click();
  await dialog().getByText('Import an image: tiny').waitFor();
  await axe(page, 'the dialog for an image');
  await dialog().locator('#image-path').fill(image);
  await button('Import', dialog()).click();
  await gone(dialog());
  await page.getByText('Importing the image – tiny: done').waitFor();

  await section('Departments');
  await button('Add a department').click();
  await fill({ number: 'D1', name: 'Office', unit: 'Head office', founded: '1998' });
  await button('Add', dialog()).click();
  await gone(dialog());

  await section('Pools');
  await button('Add a pool').click();
  await fill({ name: 'desks', vcpus: '1', memory_mib: '128' });
  await button('What its sessions may do', dialog()).click();
  await dialog().getByLabel('Drives of the person’s computer').uncheck();
  await fill({ idle_seconds: '-1' });
  await axe(page, 'the form of a pool');
  await picture(page, 'pool-form');
  await button('Add', dialog()).click();
  await dialog().getByTestId('problem').waitFor();
  await fill({ idle_seconds: '1800', source: 'net' });
  await button('Add', dialog()).click();
  await gone(dialog());
  const { policy } = (await yd.api('GET', '/pools?name=desks')).items[0];
  assert.deepEqual([policy.drives, policy.idle_seconds, policy.source, policy.clipboard], [false, 1800, 'net', true]);
  await act('desks', 'Given to');
  await button('Give to a department').click();
  await fill({ department_id: { label: 'Office' } });
  await button('Add', dialog()).click();
  await dialog().getByText('Office').waitFor();
  await button('Close', dialog().last()).last().click();

  await section('Overview');
  await page.getByText('All is well.').waitFor();
  await gone(page.getByRole('heading', { name: 'First steps' }));
});

test('people come from a file, and a wrong line is named first', async () => {
  await section('People');
  const file = path.join(dir, 'people.csv');
  const good = Array.from({ length: 60 }, (_, i) => `person${String(i).padStart(2, '0')},Person ${i},n${i},p${i}@example.org,user,D1`);
  fs.writeFileSync(file, ['username,name,number,email,role,departments', ...good, 'broken,Broken,nx,b@example.org,emperor,D1', ''].join('\n'));
  await button('Import').click();
  await page.locator('#import-file input[type=file], input[type=file]').setInputFiles(file);
  await button('Check the file', dialog()).click();
  await dialog().getByText(/^Line 62: .*emperor/).waitFor();
  await axe(page, 'the report of an import');
  assert.equal((await yd.api('GET', '/users?limit=1&total=true')).total, 1, 'nothing was imported');
  fs.writeFileSync(file, ['username,name,number,email,role,departments', ...good, ''].join('\n'));
  await button('Remove', dialog()).click();
  await page.locator('input[type=file]').setInputFiles(file);
  await button('Check the file', dialog()).click();
  await button('Import 60 people', dialog()).click();
  await gone(dialog());
  await page.getByText('61 in all').waitFor();
});

test('people come from a spreadsheet, whose sheet is chosen; one that means ill is refused', async () => {
  await section('People');
  await button('Import').click();
  const input = page.locator('input[type=file]');
  await input.setInputFiles({ name: 'bomb.xlsx', mimeType: 'application/octet-stream', buffer: xlsxOf(' '.repeat(65 << 20)) });
  await button('Check the file', dialog()).click();
  await dialog().getByText('The file holds too much.').waitFor({ timeout: 120000 });
  await input.setInputFiles({ name: 'none.xlsx', mimeType: 'application/octet-stream', buffer: Buffer.from('PK\x03\x04 nothing more') });
  await dialog().getByText('The file is damaged').waitFor();
  await input.setInputFiles(path.join(source, 'tests/data/xlsx/people.xlsx'));
  await dialog().locator('#import-sheet').selectOption('Dates and 数字');
  await button('Check the file', dialog()).click();
  await dialog().getByText(/there is no column/).waitFor();
  await dialog().locator('#import-sheet').selectOption('Staff');
  await button('Check the file', dialog()).click();
  await axe(page, 'the import of a spreadsheet');
  await picture(page, 'users-import');
  await button('Import 4 people', dialog()).click();
  await gone(dialog());
  const user = (await yd.api('GET', '/users?username=zhangwei')).items[0];
  assert.deepEqual([user.name, user.number], ['张伟', '007']);
  for (const name of ['zhangwei', 'bob', 'carol', 'dora']) await yd.api('DELETE', `/users/${(await yd.api('GET', `/users?username=${name}`)).items[0].id}`);
});

test('people of a file get one-time passwords, and its wrong lines are left out when that is wanted', async () => {
  await section('People');
  await button('Import').click();
  const text = 'username,name\nfresh1,Fresh One\nBAD NAME,Bad\nfresh2,Fresh Two\n';
  await page.locator('input[type=file]').setInputFiles({ name: 'fresh.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await dialog().getByLabel('Make one-time passwords for people without one').check();
  await button('Check the file', dialog()).click();
  await dialog().getByText('1 lines are wrong; nothing is imported until they are right.').waitFor();
  await picture(page, 'users-import-errors');
  await dialog().getByLabel('Import the good lines and leave out the wrong ones').check();
  await button('Import 2 people', dialog()).click();
  await dialog().getByText('One-time passwords of 2 people').waitFor();
  await axe(page, 'the one-time passwords of an import');
  const coming = page.waitForEvent('download');
  await button('Save the list', dialog()).click();
  const lines = fs.readFileSync(await (await coming).path(), 'utf8').trim().split('\r\n');
  assert.equal(lines.length, 3);
  assert.ok(await yd.login(...lines[1].split(',')), 'the password of the list works');
  await button('Close', dialog()).click();
  await gone(dialog());
  for (const name of ['fresh1', 'fresh2']) await yd.api('DELETE', `/users/${(await yd.api('GET', `/users?username=${name}`)).items[0].id}`);
});

test('a person is added, and their one-time password is shown once', async () => {
  await button('Add a person').click();
  await fill({ username: 'hostile', name: HOSTILE, number: 'h1', language: 'zh-CN' });
  await button('Add', dialog()).click();
  await dialog().getByText('One-time password of hostile').waitFor();
  const secret = await dialog().getByTestId('secret').getByRole('textbox').inputValue();
  await button('Close', dialog()).click();
  assert.ok(await yd.login('hostile', secret), 'the password works');
});

test('a person is found by typing, with the keyboard alone', async () => {
  await section('Departments');
  await act('Head office', 'People');
  await button('Add a person', dialog()).click();
  const box = dialog().getByRole('combobox', { name: 'Person' });
  await box.fill('person4');
  await dialog().getByRole('option', { name: /^person40/ }).waitFor();
  await axe(page, 'choosing a person');
  await picture(page, 'person-picker');
  assert.equal(await dialog().getByRole('option').count(), 10);
  await box.press('Escape');
  await gone(dialog().getByRole('option').first());
  await box.fill('hostile');
  await dialog().getByRole('option', { name: /^hostile/ }).waitFor();
  await box.press('Enter');
  assert.match(await box.inputValue(), /^hostile – /);
  await box.press('Enter');
  await dialog().getByText(/^hostile – /).waitFor();
  await button('Close', dialog()).last().click();
  const department = (await yd.api('GET', '/departments?number=D1')).items[0];
  assert.ok((await yd.api('GET', `/departments/${department.id}/members?limit=1000`)).items.some((it) => it.username === 'hostile'));
});

test('the overview shows what happened over time, and each figure leads to its list', async () => {
  await section('Overview');
  const card = page.getByTestId('activity');
  await card.getByRole('link', { name: /^Failed jobs: 0/ }).waitFor();
  await yd.api('POST', '/networks', { body: { name: 'clash', cidr: '10.98.0.0/24' } }).catch(() => undefined);
  await card.getByRole('button', { name: '7 days' }).click();
  await card.getByRole('link', { name: /^Desktops started: / }).click();
  await page.waitForURL(/\/jobs\?kind=desktop-start&state=done&ended_from=/);
  await page.getByText(/^Ended ≥ /).waitFor();
  await button('Clear filters').click();
  await row('Importing the image').waitFor();
});

test('a table is sorted, searched, paged and filtered by its address', async () => {
  await section('People');
  await page.getByRole('columnheader', { name: 'User name' }).getByRole('button').click();
  await page.waitForURL(/sort=-username/);
  await row('person59').waitFor();
  await button('Next page').click();
  await row('admin').waitFor();
  await page.getByRole('textbox', { name: 'Search' }).fill('person07');
  await page.waitForURL(/search=person07/);
  await page.getByText('1 in all').waitFor();
  await page.goto('/users?role=admin');
  await page.getByText('1 in all').waitFor();
  assert.equal(await page.getByRole('row').count(), 2, 'the head and one administrator');
  await button('Clear filters').click();
  await page.getByText('62 in all').waitFor();
  const department = (await yd.api('GET', '/departments?number=D1')).items[0];
  await page.getByRole('combobox', { name: 'Department' }).selectOption(department.id);
  await page.getByText(`${department.members} in all`).waitFor();
  await page.waitForURL(new RegExp(`department_ids=${department.id}`));
  await button('Clear filters').click();
  await page.getByText('62 in all').waitFor();
});

test('many are disabled at once, after asking', async () => {
  await page.goto('/users?search=person0');
  await page.getByText('10 in all').waitFor();
  await page.getByRole('checkbox', { name: 'Select all rows of this page' }).check();
  await button('Disable').click();
  await dialog().getByText(/person00, person01/).waitFor();
  await button('Disable', dialog()).click();
  await gone(dialog());
  await poll('all ten are disabled', async () => (await yd.api('GET', '/users?enabled=false&total=true')).total === 10);
});

test('hostile names are text everywhere', async () => {
  await yd.api('POST', '/departments', { body: { number: 'D2', name: HOSTILE } });
  const user = (await yd.api('GET', '/users?username=hostile')).items[0];
  for (const [where, name] of [['/users?search=hostile', HOSTILE], ['/departments', HOSTILE], ['/audit', HOSTILE], ['/pools', 'desks']]) {
    await page.goto(where);
    await row(name).first().waitFor(); // not the hidden choice of a filter
  }
  await page.goto(`/users?search=${encodeURIComponent('"><script>document.title="owned"</script>')}`);
  await page.getByText('Nothing fits this search').waitFor();
  assert.doesNotMatch(await page.title(), /owned/);
  assert.equal(await page.locator('img[src="x"]').count(), 0);
  assert.ok(user.name === HOSTILE);
});

test('two administrators on one object: the second sees both values and decides', async () => {
  await page.goto('/departments');
  await act('Head office', 'Edit');
  await fill({ unit: 'North' });
  const department = (await yd.api('GET', '/departments?number=D1')).items[0];
  await yd.api('PATCH', `/departments/${department.id}`, { body: { unit: 'South' } });
  await button('Save', dialog()).click();
  const conflict = page.getByTestId('conflict');
  await conflict.getByText('South').waitFor();
  await conflict.getByText('North').waitFor();
  await axe(page, 'the dialog of a conflict');
  await picture(page, 'conflict');
  await button('Save mine', dialog()).click();
  await gone(dialog());
  await row('North').waitFor();
  assert.equal((await yd.api('GET', `/departments/${department.id}`)).unit, 'North');
});

test('open menus pass axe, and the keyboard comes back to where it was', async () => {
  await page.goto('/departments');
  const toggle = row('D1').getByRole('button', { name: /^Actions for/ });
  await toggle.press('Enter');
  await page.getByRole('menuitem', { name: 'Edit' }).waitFor();
  await axe(page, 'the menu of a row');
  await picture(page, 'row-menu');
  await page.keyboard.press('Escape');
  await gone(page.getByRole('menuitem').first());
  assert.ok(await toggle.evaluate((it) => it === document.activeElement));
  await page.getByTestId('user-menu').click();
  await page.getByRole('menuitem', { name: 'Log out' }).waitFor();
  await axe(page, 'the menu behind one’s name');
  await page.keyboard.press('Escape');
  await gone(page.getByRole('menuitem').first());
});

test('deleting asks for the name, and what is still needed says so', async () => {
  await page.goto('/users?search=person11');
  await act('person11', 'Delete');
  assert.ok(await button('Delete', dialog()).isDisabled());
  await dialog().locator('#confirm-name').fill('person1');
  assert.ok(await button('Delete', dialog()).isDisabled());
  await dialog().locator('#confirm-name').fill('person11');
  await button('Delete', dialog()).click();
  await gone(dialog());
  await page.getByText('Nothing fits this search').waitFor();
  await page.goto('/networks');
  await act('office', 'Delete');
  await button('Delete', dialog()).click();
  await dialog().getByTestId('problem').waitFor();
  await axe(page, 'a refused deletion');
  await button('Cancel', dialog()).click();
});

test('the daily acts of deskctl: a pool is disabled, a host and a desktop are changed, addresses and details are shown', async () => {
  await page.goto('/pools');
  await act('desks', 'Disable');
  await button('Disable', dialog()).click();
  await gone(dialog());
  assert.equal((await yd.api('GET', '/pools?name=desks')).items[0].enabled, false);
  await act('desks', 'Enable');
  await poll('it is enabled', async () => (await yd.api('GET', '/pools?name=desks')).items[0].enabled);

  const pool = (await yd.api('GET', '/pools?name=desks')).items[0];
  const person = (await yd.api('GET', '/users?username=hostile')).items[0];
  await yd.job(await yd.api('POST', `/pools/${pool.id}/handout`, { body: { user_ids: [person.id] } }));
  await page.goto('/desktops');
  const { name } = (await yd.api('GET', '/desktops')).items[0];
  const department = (await yd.api('GET', '/departments?number=D1')).items[0];
  const other = await yd.api('POST', '/departments', { body: { number: 'D3', name: 'Elsewhere' } });
  const filter = page.getByRole('combobox', { name: 'Department' });
  await filter.selectOption(other.id);
  await page.getByText('Nothing fits this search').waitFor();
  await filter.selectOption(department.id);
  await act(name, 'Rename');
  await fill({ name: 'corner-desk' });
  await button('Save', dialog()).click();
  await gone(dialog());
  await page.getByRole('link', { name: 'corner-desk' }).click();
  await page.getByRole('heading', { name: 'corner-desk', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Actions for corner-desk' }).click();
  await page.getByRole('menuitem', { name: 'Change the hardware' }).click();
  await fill({ memory_mib: '192' });
  await button('Save', dialog()).click();
  await gone(dialog());
  await poll('it has more memory', async () => (await yd.api('GET', '/desktops')).items[0].memory_mib === 192);

  await page.goto('/networks');
  await act('office', 'Addresses in use');
  await dialog().getByRole('link', { name: 'corner-desk' }).waitFor();
  await axe(page, 'the addresses of a network');
  await picture(page, 'network-addresses');
  await button('Close', dialog()).click();

  await page.goto('/hosts');
  const host = (await yd.api('GET', '/hosts')).items[0];
  await act(host.name, 'Edit');
  await fill({ vcpu_ratio: '6.5', reserve_mib: '512' });
  await button('Save', dialog()).click();
  await gone(dialog());
  const changed = await yd.api('GET', `/hosts/${host.id}`);
  assert.deepEqual([changed.vcpu_ratio, changed.reserve_mib], [6.5, 512]);

  await page.goto('/users?search=hostile');
  await act('hostile', 'Details');
  await dialog().getByText('中文').waitFor();
  await axe(page, 'the details of a person');
  await button('Close', dialog()).click();
  await page.goto('/audit?object_kind=host&outcome=ok');
  await row('Host changed').waitFor();
  assert.equal(await row('Person added').count(), 0);
});

test('hosts: what would happen if one failed, moving its desktops away, and evening them out', async () => {
  const [desktop] = (await yd.api('GET', '/desktops')).items;
  if (desktop.state !== 'ready') await yd.job(await yd.api('POST', `/desktops/${desktop.id}/start`, {}), { seconds: 240 });
  await yd.api('POST', '/hosts', { body: { name: 'spare', uri: 'fake:spare' } });
  const local = (await yd.api('GET', '/hosts')).items.find((host) => host.name !== 'spare');
  await page.goto('/hosts');
  await act(local.name, 'What if it fails?');
  await dialog().getByText('1 would find another host, 0 would not.').waitFor();
  await dialog().getByRole('row').filter({ hasText: desktop.name }).filter({ hasText: 'spare' }).waitFor();
  await axe(page, 'what if a host fails');
  await picture(page, 'host-what-if');
  await button('Close', dialog()).click();
  await gone(dialog());

  await yd.api('PATCH', '/settings', { body: { balance_spread: 100 } });
  await button('Balance').click();
  await dialog().getByText('There is nothing to move').waitFor();
  await axe(page, 'nothing to balance');
  await button('Close', dialog()).click();
  await gone(dialog());
  await yd.api('PATCH', '/settings', { body: { balance_spread: 1 } });
  const plan = await yd.api('GET', '/balance');
  assert.equal(plan.moves.length, 1, JSON.stringify(plan));
  assert.equal(plan.moves[0].memory_mib, desktop.memory_mib);
  await button('Balance').click();
  await dialog().getByRole('row').filter({ hasText: desktop.name }).filter({ hasText: 'spare' }).waitFor();
  await axe(page, 'a plan for balancing');
  await picture(page, 'host-balance');
  await button('Close', dialog()).click();
  await gone(dialog());
  await yd.api('PATCH', '/settings', { body: { balance_spread: null } });

  await act(local.name, 'Move its desktops away');
  await dialog().getByText('moves').first().waitFor();
  await axe(page, 'moving desktops away');
  await button('Cancel', dialog()).click();
  await gone(dialog());
  await act('spare', 'Move its desktops away');
  await button('Move its desktops away', dialog()).click();
  await gone(dialog());
  await poll('it is in maintenance', async () => (await yd.api('GET', '/hosts')).items.find((host) => host.name === 'spare').state === 'maintenance');
  await row('spare').getByText('maintenance').waitFor();
  await act('spare', 'Remove');
  await button('Delete', dialog()).click();
  await gone(dialog());
  await poll('it is gone', async () => (await yd.api('GET', '/hosts')).items.length === 1);
});

test('settings change at once, and bounds are told', async () => {
  await section('Settings');
  await button('Edit').click();
  await fill({ max_starts: '100000' });
  await button('Save', dialog()).click();
  await dialog().getByTestId('problem').waitFor();
  await fill({ max_starts: '4' });
  await button('Save', dialog()).click();
  await gone(dialog());
  assert.equal((await yd.api('GET', '/settings')).max_starts.value, 4);
});

test('in Chinese the server’s own errors are Chinese too: of a form, of a job and of an import; and the audit log', async () => {
  const chinese = await browser.as(admin, { language: 'zh-CN', where: '/settings' });
  const form = chinese.getByRole('dialog');
  await button('编辑', chinese).click();
  await form.locator('#field-password_min').fill('1');
  await button('保存', form).click();
  await form.getByText('密码最少字符数：1 不在 8 到 128 之间').waitFor();
  await form.getByText('请改正所指出的值。').waitFor();
  assert.equal(await form.getByText('is outside of').count(), 0);
  await axe(chinese, 'an error of the server in Chinese');
  await picture(chinese, 'error-zh');
  await button('取消', form).click();

  const junk = path.join(yd.uploads, 'junk.img');
  fs.writeFileSync(junk, Buffer.alloc(1 << 20, 'no disk '));
  const template = (await yd.api('GET', '/templates')).items[0];
  const begun = await yd.api('POST', `/templates/${template.id}/versions`, { body: { path: junk } });
  await poll('the import has failed', async () => (await yd.api('GET', `/jobs/${begun.id}`)).state === 'failed');
  await chinese.goto('/jobs?state=failed');
  await chinese.getByText(/不是磁盘镜像：既不是 qcow2、VMDK，也不是带分区表的 raw 磁盘/).first().waitFor();

  await chinese.goto('/users');
  await button('导入', chinese).click();
  const text = 'username,name,departments\nBAD NAME,Bad,\ngood1,Good,nowhere\ngood2,"Good"x,\n';
  await chinese.locator('input[type=file]').setInputFiles({ name: 'wrong.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await button('检查文件', form).click();
  await form.getByText('第 2 行：用户名：只能用 a-z、0-9、“.”、“_”和“-”，并以字母开头').waitFor();
  await form.getByText('第 3 行：部门：没有编号或名称为 “nowhere” 的部门').waitFor();
  await form.getByText('第 4 行：字段的右引号之后还有文字').waitFor();
  await picture(chinese, 'users-import-errors-zh');
  await button('取消', form).click();

  await chinese.goto('/audit?object_kind=host&outcome=ok');
  await chinese.getByText(/每个物理 CPU 的虚拟 CPU 数：\S+ → 6\.5/).first().waitFor();
  await close(chinese);
});

const PAGES = ['overview', 'portal', 'desktops', 'users', 'departments', 'pools', 'templates', 'networks', 'hosts', 'gates', 'sessions', 'jobs', 'audit', 'settings', 'account'];

for (const dark of [false, true]) {
  test(`every page passes axe and fits, ${dark ? 'dark and Chinese' : 'light and English'}`, async () => {
    const other = await browser.as(admin, { dark, language: dark ? 'zh-CN' : 'en-US', where: '/overview' });
    for (const name of PAGES) {
      await other.setViewportSize({ width: 1280, height: 800 });
      await other.goto(`/${name}`);
      await other.getByRole('heading', { level: 1 }).waitFor();
      await gone(other.locator('.pf-v6-c-skeleton, .pf-v6-c-spinner').first());
      await axe(other, name);
      await picture(other, `${name}${dark ? '-zh-dark' : ''}`);
      await other.setViewportSize({ width: 360, height: 740 });
      await fitsWidth(other, name);
      if (name === 'users') await picture(other, `users-narrow${dark ? '-zh-dark' : ''}`);
    }
    await close(other);
  });
}

test('on a narrow screen the sections close when one is chosen', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto('/overview');
  await page.getByRole('button', { name: 'Show or hide the sections' }).click();
  await page.getByRole('navigation').getByRole('link', { name: 'Hosts', exact: true }).click();
  await page.getByRole('heading', { name: 'Hosts', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Add a host' }).click();
  await dialog().waitFor();
});
