// SPDX-License-Identifier: Apache-2.0
// needs: web console
// The media library: deskctl sends an ISO image while deskd is killed in the middle, and goes on where it was; what is no
// ISO, too large, or of another checksum is refused; the console sends, stops, goes on and deletes.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ok, poll } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { Browser, axe, close, stopBoth } from '../lib/browser.mjs';

const MIB = 1024 * 1024;
let yd;
let browser;

before(async () => {
  yd = await Product.start();
  browser = await Browser.start(yd);
});
after(() => stopBoth(browser, yd));

// A file with the head of an ISO 9660 volume and bytes that don't repeat.
function iso(name, bytes) {
  const head = Buffer.alloc(32 * 2048);
  const at = 16 * 2048;
  head[at] = 1;
  head.write('CD001', at + 1);
  head.write('TEST'.padEnd(32), at + 40);
  head.writeUInt32LE(bytes / 2048, at + 80);
  head.writeUInt16LE(2048, at + 128);
  head[at + 2048] = 255;
  head.write('CD001', at + 2049);
  const file = path.join(yd.home, name);
  const random = crypto.randomBytes(MIB);
  const fd = fs.openSync(file, 'w');
  fs.writeSync(fd, head);
  for (let done = head.length, n = 0; done < bytes; n++) {
    random.writeUInt32LE(n);
    done += fs.writeSync(fd, random, 0, Math.min(MIB, bytes - done));
  }
  fs.closeSync(fd);
  return file;
}
const sum = async (file) => (await ok('sha256sum', [file])).split(' ')[0];
const media = async (name) => (await yd.api('GET', `/media?name=${encodeURIComponent(name)}`)).items[0];
const place = (row, suffix) => path.join(yd.state, 'media', row.id + suffix);
const size = (file) => (fs.existsSync(file) ? fs.statSync(file).size : 0);

test('an upload goes on by itself after deskd was killed in the middle of it', { timeout: 120000 }, async () => {
  const file = iso('large.iso', 160 * MIB);
  const sending = yd.ctl(['media', 'upload', file, '--name', 'large']);
  const row = await poll('the upload has begun', () => media('large'));
  await poll('a part is there', () => size(place(row, '.part')) > 8 * MIB, { every: 5 });
  await yd.kill('deskd');
  const there = size(place(row, '.part'));
  assert.ok(there >= 8 * MIB && there < 160 * MIB, `killed in the middle, at ${there}`);
  await yd.startAll();
  const sent = await sending;
  assert.match(sent.stdout, /medium large: ready/, sent.stderr);
  const ready = await media('large');
  assert.equal(ready.state, 'ready');
  assert.equal(ready.checksum, await sum(file));
  assert.equal(ready.label, 'TEST');
  const stat = fs.statSync(place(ready, '.iso'));
  assert.equal(stat.mode & 0o777, 0o444);
  assert.equal(stat.size, 160 * MIB);
  await ok('setpriv', ['--reuid=libvirt-qemu', '--clear-groups', 'head', '-c1', place(ready, '.iso')]); // QEMU's user reads it
  fs.unlinkSync(file);
});

test('what cannot become a medium is refused in words, before or soon after its first byte', { timeout: 60000 }, async () => {
  const small = iso('small.iso', 4 * MIB);
  const refused = async (args, text) => {
    const { code, stderr } = await yd.ctl(args);
    assert.notEqual(code, 0);
    assert.match(stderr, text);
  };
  const zeros = path.join(yd.home, 'zeros.iso');
  await ok('truncate', ['-s', '5M', zeros]);
  await refused(['media', 'upload', zeros], /no ISO 9660 or UDF image/);
  assert.equal((await media('zeros.iso')).state, 'failed');
  await refused(['media', 'upload', small, '--name', 'a/b'], /slash/);
  await refused(['media', 'upload', small, '--name', 'large'], /large/); // the name is taken
  await refused(['media', 'upload', small, '--sha256', '0'.repeat(64)], /not 0000/);
  await refused(['media', 'upload', '/nowhere.iso'], /not a file/);
  await yd.ctl(['settings', 'set', 'media_quota_gib=1']);
  const huge = path.join(yd.home, 'huge.iso');
  await ok('truncate', ['-s', '1G', huge]);
  await refused(['media', 'upload', huge, '--sha256', '0'.repeat(64)], /media_quota_gib/);
  assert.equal(await media('huge.iso'), undefined);
  await yd.ctl(['settings', 'set', 'media_quota_gib=200']);
  // Places that don't fit
  const made = await yd.api('POST', '/media', { body: { name: 'holes', size_bytes: 4 * MIB } });
  const put = (offset, text) => yd.request('PUT', `/api/v1/media/${made.id}/content?offset=${offset}`, { token: yd.admin.token, text, headers: { 'Content-Type': 'application/octet-stream' } });
  assert.equal((await put(5, 'x')).status, 409);
  assert.equal((await put(-1, 'x')).status, 400);
  assert.equal((await put('a', 'x')).status, 400);
  assert.equal((await put(0, 'x')).body.received_bytes, 1);
  assert.equal((await put(0, 'x')).status, 409);
  assert.equal((await yd.request('POST', `/api/v1/media/${made.id}/finish`, { token: yd.admin.token })).status, 409);
  const bob = await yd.person('bob');
  for (const where of ['/media', `/media/${made.id}`]) assert.equal((await yd.request('GET', `/api/v1${where}`, { token: bob.token })).status, 403);
  await yd.ctl(['media', 'delete', 'holes', '--yes']);
  assert.ok(!fs.existsSync(place(made, '.part')));
  const audit = (await yd.api('GET', `/audit?object_id=${made.id}`)).items.map((row) => row.act).sort();
  assert.deepEqual(audit, ['media.create', 'media.delete']);
});

test('the console sends a medium, stops, goes on and deletes it', { timeout: 120000 }, async () => {
  const file = iso('console.iso', 96 * MIB);
  const page = await browser.as(yd.admin, { where: '/media' });
  const button = (name, where = page) => where.getByRole('button', { name, exact: true });
  await page.getByRole('link', { name: 'Media', exact: true }).click();
  const dialog = page.getByRole('dialog');
  // Dropped anywhere on the page, a file is the one to send.
  const carried = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(['x'], 'dropped.iso'));
    return data;
  });
  await page.getByRole('heading', { level: 1 }).dispatchEvent('drop', { dataTransfer: carried });
  assert.equal(await dialog.getByLabel('Name').inputValue(), 'dropped.iso');
  await button('Cancel', dialog).click();
  await button('Upload an ISO image').click();
  await dialog.locator('input[type=file]').setInputFiles(file);
  await axe(page, 'the upload of a medium');
  assert.equal(await dialog.getByLabel('Name').inputValue(), 'console.iso');
  await dialog.getByLabel('SHA-256 (from the publisher)').fill(await sum(file));
  // A slow line, so that there is time to stop.
  const client = await page.context().newCDPSession(page);
  await client.send('Network.enable');
  await client.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 12 * MIB });
  await button('Add', dialog).click();
  await page.locator('[data-upload=sending]').waitFor();
  const row = await poll('the upload has begun', () => media('console.iso'));
  await poll('a part is there', () => size(place(row, '.part')) > 2 * MIB, { every: 20 });
  await button('Stop').click();
  await page.locator('[data-upload=paused]').waitFor();
  await axe(page, 'a medium whose upload was stopped');
  const there = size(place(row, '.part'));
  assert.ok(there < 96 * MIB, 'stopped in the middle');
  // The page is closed and opened again: the file is chosen once more, and only the rest is sent.
  await page.reload();
  const menu = async (what) => {
    await page.getByRole('row', { name: /console\.iso/ }).getByRole('button', { name: /^Actions for/ }).click();
    await page.getByRole('menuitem', { name: what, exact: true }).click();
  };
  await menu('Go on with the upload');
  await dialog.locator('input[type=file]').setInputFiles(file);
  await button('Go on', dialog).click();
  await page.getByRole('row', { name: /console\.iso/ }).locator('[data-state=ready]').waitFor({ timeout: 60000 });
  assert.equal((await media('console.iso')).checksum, await sum(file));
  await menu('Delete');
  await button('Delete', dialog).click();
  await page.getByRole('row', { name: /console\.iso/ }).waitFor({ state: 'detached' });
  assert.ok(!fs.existsSync(place(row, '.iso')));
  await close(page);
});
