// SPDX-License-Identifier: Apache-2.0
// needs: web console
// Restore points in the browser: a person makes one in the portal and goes back to it; an administrator looks into one and
// gives a file back.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Browser, axe, close, fitsWidth, picture, stopBoth } from '../lib/browser.mjs';
import { inGuest } from '../lib/guest.mjs';
import { Product } from '../lib/product.mjs';

let yd;
let office;
let alice;
let desktop;
let browser;

before(async () => {
  yd = await Product.start();
  office = await yd.office({ personal_disk_gib: 1, policy: { restore_by_person: true } });
  alice = await yd.person('alice', { department: office.department.id });
  await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  [desktop] = (await yd.api('GET', `/desktops?user_id=${alice.id}`)).items;
  await inGuest(desktop.id, 'echo before >~alice/report.txt; chown alice ~alice/report.txt; sync');
  browser = await Browser.start(yd);
});
after(() => stopBoth(browser, yd));

const button = (name, where) => where.getByRole('button', { name, exact: true });
const points = async (kind) => (await yd.api('GET', `/restore-points?desktop_id=${desktop.id}&kind=${kind}&state=ready`)).items;

test('a person makes a restore point and goes back to it, in the portal', { timeout: 300000 }, async () => {
  const page = await browser.as(alice, { where: '/portal' });
  const dialog = page.getByRole('dialog');
  await page.getByTestId('desktop-card').getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Go back to an earlier state' }).click();
  await dialog.getByText('There is no restore point yet.').waitFor();
  await button('Make a restore point', dialog).click();
  await dialog.locator('#field-note').fill('before the change');
  await axe(page, 'making a restore point');
  await button('Make a restore point', dialog).click();
  await yd.wait('the point is ready', async () => (await points('manual')).length === 1, 120);
  await inGuest(desktop.id, 'echo after >~alice/report.txt; sync');
  await dialog.getByText('before the change').waitFor();
  await axe(page, 'restore points in the portal');
  await fitsWidth(page, 'restore points in the portal');
  await picture(page, 'restore-points');
  await dialog.getByRole('row').filter({ hasText: 'before the change' }).getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Go back to it', exact: true }).click();
  await dialog.getByText('Its present state is kept').waitFor();
  await dialog.locator('#point-system').uncheck();
  await picture(page, 'restore-point-back');
  await button('Go back to it', dialog).click();
  await yd.wait('it is back', async () => (await points('before-restore')).length === 1, 120);
  await yd.wait('and runs again', async () => (await yd.api('GET', `/desktops/${desktop.id}`)).state === 'ready' && (await yd.api('GET', `/jobs?object_id=${desktop.id}`)).items.every((job) => job.ended), 180);
  assert.equal((await inGuest(desktop.id, 'cat ~alice/report.txt')).trim(), 'before');
  await close(page);
});

test('an administrator finds a file in what was, and gives it back', { timeout: 200000 }, async () => {
  const page = await browser.as(yd.admin, { where: `/desktops/${desktop.id}` });
  const dialog = page.getByRole('dialog');
  const box = page.getByRole('grid', { name: 'Restore points' });
  await box.getByRole('row').filter({ hasText: 'Before going back' }).getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Look for files in it' }).click();
  await dialog.getByText('report.txt').waitFor({ timeout: 60000 });
  await axe(page, 'files of a restore point');
  await picture(page, 'restore-files');
  await dialog.getByRole('row').filter({ hasText: 'report.txt' }).getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Give back to the desktop' }).click();
  await yd.wait('the file is there', async () => (await inGuest(desktop.id, 'cat ~alice/report\\ *.txt 2>/dev/null || true')).includes('after'), 90);
  assert.equal((await inGuest(desktop.id, 'cat ~alice/report.txt')).trim(), 'before', 'the one of today stays');
  const saved = page.waitForEvent('download');
  await dialog.getByRole('row').filter({ hasText: 'report.txt' }).getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Download' }).click();
  assert.equal(fs.readFileSync(await (await saved).path(), 'utf8'), 'after\n');
  await close(page);
});
