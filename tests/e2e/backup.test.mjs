// SPDX-License-Identifier: Apache-2.0
// Backups on a real machine: a person's disk while the desktop runs, only what changed the next time, put back in place; then
// the drill: the machine is lost, everything is put back onto one that has nothing, and the person finds the file.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest as exec } from '../lib/guest.mjs';
import { dir, ok, virsh } from '../lib/process.mjs';
import { Product, program } from '../lib/product.mjs';

const target = path.join(dir, 'backups');
let yd;
let office;
let alice;
let desktop;
let disk;
let first; // the backup of the personal disk with the first word

before(async () => {
  fs.mkdirSync(target, { recursive: true });
  yd = await Product.start({ config: { deskhost: { backup_dir: target } } });
  office = await yd.office({ personal_disk_gib: 1, policy: { backup_personal: false } }); // not by the clock, for now
  alice = await yd.person('alice', { department: office.department.id });
  await yd.job(await yd.api('POST', `/pools/${office.pool.id}/handout`, { body: { user_ids: [alice.id] } }));
  [desktop] = (await yd.api('GET', `/desktops?user_id=${alice.id}`)).items;
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/start`));
  [disk] = (await yd.api('GET', '/personal-disks')).items;
});
after(() => yd?.stop());

const inGuest = async (command) => (await exec(desktop.id, command)).trim();
const newest = async (filter) => (await yd.api('GET', `/backups?sort=-created&limit=1${filter}`)).items[0];
const quiet = () => yd.wait('no job is left', async () => (await yd.api('GET', '/jobs?state=running&state=queued')).items.length === 0, 120);

async function write(word) {
  await inGuest(`echo ${word} >~alice/note; echo ${word} | dd of=/dev/vda bs=512 seek=77824 conv=notrunc 2>/dev/null && sync`);
}

const read = () => inGuest('cat ~alice/note; dd if=/dev/vda bs=512 skip=77824 count=1 2>/dev/null | { read word; echo $word; }');

async function restore(backup) {
  const job = await yd.job(await yd.api('POST', `/backups/${backup.id}/restore`));
  assert.ok(job.result.start_job, 'it ran, so it is started again');
  await yd.job({ id: job.result.start_job });
}

test('a personal disk while its desktop runs, and only what changed the next time', { timeout: 120000 }, async () => {
  await write('one');
  assert.match(await yd.done('backup', 'make', 'disk', disk.name), /made/);
  first = await newest('&what=personal-disk');
  assert.equal(first.state, 'ready');
  assert.equal(first.kind, 'full');
  assert.equal(first.frozen, true);
  await write('two');
  await yd.job(await yd.api('POST', '/backups', { body: { what: 'personal-disk', object_id: disk.id } }));
  const second = await newest('&what=personal-disk');
  assert.equal(second.kind, 'incremental');
  assert.equal(second.previous_id, first.id);
  assert.ok(second.stored_bytes < first.stored_bytes, `${second.stored_bytes} of ${first.stored_bytes}`);
  await quiet();
  // The moment of the newest one alone stays inside the image.
  await yd.wait('the older moment is gone', async () => (await yd.api('GET', `/backups/${first.id}`)).point === false, 60);
  assert.equal((await yd.api('GET', `/backups/${second.id}`)).point, true);
});

test('one disk is put back, and what was is a restore point', { timeout: 240000 }, async () => {
  await restore(first);
  assert.equal(await read(), 'one\ntwo');
  const [kept] = (await yd.api('GET', `/restore-points?desktop_id=${desktop.id}&kind=before-restore`)).items;
  assert.equal(kept.state, 'ready');
});

test('the system disk too', { timeout: 240000 }, async () => {
  await yd.done('backup', 'make', 'desktop', desktop.name);
  const system = await newest('&what=desktop');
  assert.equal(system.base, office.version.image);
  await write('three');
  await restore(system);
  assert.equal(await read(), 'three\ntwo');
});

test('a backup is read again, and a damaged one says so', { timeout: 120000 }, async () => {
  await yd.job(await yd.api('POST', `/backups/${first.id}/verify`));
  assert.ok((await yd.api('GET', `/backups/${first.id}`)).verified);
  const list = path.join(target, 'disks', `${first.id}.json`);
  const good = fs.readFileSync(list);
  fs.writeFileSync(list, `${good}\n`);
  await assert.rejects(yd.job(await yd.api('POST', `/backups/${first.id}/verify`)), /damaged/);
  assert.equal((await yd.api('GET', `/backups/${first.id}`)).state, 'damaged');
  assert.match((await yd.api('GET', '/backup-status')).alarm, /damaged/);
  await assert.rejects(yd.api('POST', `/backups/${first.id}/restore`), (error) => error.code === 'state');
  fs.writeFileSync(list, good);
  await yd.job(await yd.api('POST', `/backups/${first.id}/verify`));
});

test('the drill: everything onto a machine that has nothing', { timeout: 300000 }, async () => {
  await write('drill');
  await yd.job(await yd.api('POST', '/backups', { body: { what: 'personal-disk', object_id: disk.id } }));
  await yd.job(await yd.api('POST', '/backups', { body: { what: 'desktop', object_id: desktop.id } }));
  await yd.done('backup', 'make', 'product');
  await quiet();
  // The machine burns down: its guests, its state.
  await virsh('destroy', `yd-${desktop.id}`);
  await virsh('undefine', '--nvram', `yd-${desktop.id}`);
  await yd.stop();
  fs.renameSync(yd.state, `${yd.state}.lost`);
  fs.mkdirSync(yd.state);
  const said = await ok(program('deskhost'), ['--config', yd.config, '--restore-all']);
  assert.match(said, /0 could not be put back; 0 disks were never in a backup/);
  await yd.startAll();
  const token = await yd.login('alice', alice.password);
  const mine = (await yd.api('GET', '/me/desktops', { token })).items;
  assert.equal(mine.length, 1);
  yd.admin.token = await yd.login(yd.admin.username, yd.admin.password);
  await yd.wait('it is off', async () => (await yd.api('GET', `/desktops/${desktop.id}`)).state === 'off');
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/start`, { token }), { token });
  assert.equal(await read(), 'drill\ndrill');
  // The next backup knows that no moment is left in the image.
  await yd.job(await yd.api('POST', '/backups', { body: { what: 'personal-disk', object_id: disk.id } }));
  const next = await newest('&what=personal-disk');
  assert.equal(next.kind, 'full');
  assert.ok(next.stored_bytes < next.held_bytes, 'what is there already is not stored twice');
});

test('at night by itself, disks first, the product last', { timeout: 240000 }, async () => {
  await yd.api('PATCH', '/settings', { body: { backup_hour: 0 } });
  await yd.api('PATCH', `/pools/${office.pool.id}`, { body: { policy: { backup_personal: true, backup_desktops: true } } });
  const nightly = async (what) => (await yd.api('GET', `/backups?origin=nightly&state=ready&what=${what}&sort=-ended`)).items[0];
  const product = await yd.wait('the night is over', async () => {
    const it = await nightly('product');
    return it && await nightly('desktop') && await nightly('personal-disk') && it;
  }, 200);
  assert.equal(product.origin, 'nightly');
  assert.equal((await yd.api('GET', '/backup-status')).alarm, null);
});
