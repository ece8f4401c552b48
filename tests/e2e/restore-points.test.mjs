// SPDX-License-Identifier: Apache-2.0
// Restore points on real machines: one moment of both disks while the desktop runs, each taken back apart, forward again, at
// night by the clock, and with deskd killed on the way.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest as exec } from '../lib/guest.mjs';
import { ok } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';

let yd;
let office;
let alice;
let desktop;
let first; // the point of the first moment

before(async () => {
  yd = await Product.start();
  office = await yd.office({ personal_disk_gib: 1, policy: { restore_by_person: true } });
  alice = await yd.person('alice', { department: office.department.id });
  await yd.job(await yd.api('POST', `/pools/${office.pool.id}/handout`, { body: { user_ids: [alice.id] } }));
  [desktop] = (await yd.api('GET', `/desktops?user_id=${alice.id}`)).items;
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/start`));
});
after(() => yd?.stop());

const points = async (filter = '') => (await yd.api('GET', `/restore-points?desktop_id=${desktop.id}&sort=taken${filter}`)).items;
const inGuest = async (command) => (await exec(desktop.id, command)).trim();
const idle = () => yd.wait('no job is left', async () => (await yd.api('GET', `/jobs?object_id=${desktop.id}`)).items.every((job) => job.ended), 180);

// The small guest lives in its memory: its system disk is written to behind all that is on it.
async function write(word) {
  await inGuest(`echo ${word} >~alice/note; echo ${word} | dd of=/dev/vda bs=512 seek=77824 conv=notrunc 2>/dev/null && sync`);
}

const read = () => inGuest('cat ~alice/note; dd if=/dev/vda bs=512 skip=77824 count=1 2>/dev/null | { read word; echo $word; }');

async function back(point, body, token) {
  const job = await yd.job(await yd.api('POST', `/restore-points/${point.id}/restore`, { body, ...(token ? { token } : {}) }));
  assert.ok(job.result.start_job, 'it ran, so it is started again');
  await yd.job({ id: job.result.start_job });
}

test('one moment of both disks while the desktop runs', { timeout: 120000 }, async () => {
  await write('one');
  assert.match(await yd.done('restore-point', 'make', desktop.name, '--note', 'first'), /restore point made/);
  [first] = await points();
  assert.equal(first.state, 'ready');
  assert.equal(first.kind, 'manual');
  assert.equal(first.note, 'first');
  assert.equal(first.frozen, true);
  assert.equal(first.system, true);
  assert.equal(first.personal_disk_id, desktop.personal_disk_id ?? first.personal_disk_id);
  assert.equal(first.username, 'alice');
  assert.equal((await yd.api('GET', '/restore-points', { token: alice.token })).items.length, 1);
  await inGuest('echo goes on >~alice/other; sync');
});

test('the home alone goes back, by its person', { timeout: 240000 }, async () => {
  await write('two');
  await back(first, { personal: true }, alice.token);
  assert.equal(await read(), 'one\ntwo');
});

test('the system alone, and forward again by what was kept', { timeout: 240000 }, async () => {
  await back(first, { system: true });
  assert.equal(await read(), 'one\none');
  const kept = await points('&kind=before-restore');
  assert.equal(kept.length, 2);
  await back(kept[0], { system: true, personal: true });
  assert.equal(await read(), 'two\ntwo');
});

test('deskd killed on the way goes on', { timeout: 240000 }, async () => {
  const job = await yd.api('POST', `/restore-points/${first.id}/restore`, { body: { system: true, personal: true } });
  await yd.wait('it waits for the guest', async () => (await yd.api('GET', `/jobs/${job.id}`)).step === 'wait');
  await yd.kill('deskd');
  await yd.startAll();
  await yd.job(job);
  await idle();
  assert.equal(await read(), 'one\none');
});

test('at night by itself, when the policy wants it', { timeout: 240000 }, async () => {
  // A desktop that was made today has its first night before it; this one was made the day before.
  await ok('sqlite3', [path.join(yd.state, 'yundesk.db'), `.timeout 5000`, `UPDATE desktops SET created = created - 86400000 WHERE id = '${desktop.id}'`]);
  await yd.api('PATCH', `/pools/${office.pool.id}`, { body: { policy: { restore_nightly: 2, restore_hour: 0 } } });
  await yd.wait('the night has come', async () => (await points('&kind=nightly&state=ready')).length === 1, 150);
  await assert.rejects(yd.api('POST', `/restore-points/${first.id}/restore`, { body: { system: true }, token: alice.token }), (error) => error.status === 403);
});

test('deleted while it runs, and nothing is left in the files', { timeout: 120000 }, async () => {
  await yd.done('restore-point', 'delete', ...(await points()).map((point) => point.id), '--yes');
  await yd.wait('all are gone', async () => (await points()).length === 0);
  const images = fs.readdirSync(path.join(yd.state, 'images')).filter((name) => /^(dsk|pdk)-.*qcow2$/.test(name));
  for (const name of images)
    assert.equal((await ok('qemu-img', ['snapshot', '-U', '-l', path.join(yd.state, 'images', name)])).trim(), '');
});
