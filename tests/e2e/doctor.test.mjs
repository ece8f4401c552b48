// SPDX-License-Identifier: Apache-2.0
// The doctor on a real machine: all is well; then each hop is broken in turn, and it names that one.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { poll, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';

let yd;
let office;

before(async () => {
  yd = await Product.start();
  office = await yd.office();
});
after(() => yd?.stop());

async function doctor() {
  const done = await yd.job(await yd.api('POST', '/doctor'), { seconds: 240 });
  const { checks } = done.result;
  return { checks, broken: checks.filter((it) => it.ok === false).map((it) => it.check), all: Object.fromEntries(checks.map((it) => [it.check, it])) };
}

async function nothingLeft() {
  assert.equal((await virsh('list', '--all', '--name')).trim(), '');
  assert.deepEqual(fs.readdirSync(path.join(yd.state, 'images')).filter((name) => name.startsWith('dsk-')), []);
  assert.deepEqual((await yd.api('GET', '/desktops')).items, []);
}

test('all is well', async () => {
  const { checks, broken, all } = await doctor();
  assert.deepEqual(broken, [], JSON.stringify(checks.filter((it) => it.ok === false)));
  for (const name of ['store', 'storage', 'libvirt', 'network', 'template', 'create', 'placement', 'dhcp', 'overlay', 'machine',
    'agent', 'first-boot', 'access', 'address', 'gate-rdp', 'gate-spice', 'certificate', 'clean']) {
    assert.equal(all[name]?.ok, true, `${name}: ${JSON.stringify(all[name])}`);
    assert.ok(all[name].message && all[name].ms >= 0);
  }
  await nothingLeft();
});

test('the gate does not run: only what goes through it fails, and says so', async () => {
  const job = await yd.api('POST', '/doctor');
  await yd.programs.deskgate.stop();
  const id = job.job?.id ?? job.id;
  // The job goes on by itself; its result is read when the gate is back.
  await poll('the throw-away desktop came and went', async () => {
    if ((await virsh('list', '--name')).trim() !== '') doctor.seen = true;
    return doctor.seen && (await virsh('list', '--all', '--name')).trim() === '';
  }, { seconds: 120, every: 300 });
  yd.startProgram('deskgate');
  await yd.ready();
  const done = await yd.job({ id });
  const broken = done.result.checks.filter((it) => it.ok === false);
  assert.deepEqual(broken.map((it) => it.check), ['gate-rdp', 'gate-spice', 'certificate']);
  assert.match(broken[0].advice, /deskgate/);
  await nothingLeft();
});

test('the image of the template is gone', async () => {
  const image = path.join(yd.state, 'images', (await yd.api('GET', `/template-versions/${office.version.id}`)).image);
  fs.renameSync(image, `${image}.away`);
  const { broken, all } = await doctor();
  fs.renameSync(`${image}.away`, image);
  assert.deepEqual(broken, ['template', 'versions']);
  assert.equal(all.create.ok, null, 'not looked at');
  assert.match(all.create.message, /template/);
  await nothingLeft();
});

test('deskhost does not answer', async () => {
  await yd.programs.deskhost.stop();
  delete yd.programs.deskhost; // its end is wanted
  const { broken, all } = await doctor();
  yd.startProgram('deskhost');
  assert.equal(broken[0], 'storage');
  assert.match(all.storage.advice, /deskhost/);
  await nothingLeft();
});

test('no host has room', async () => {
  const [host] = (await yd.api('GET', '/hosts')).items;
  await yd.api('PATCH', `/hosts/${host.id}`, { body: { state: 'maintenance' } });
  const { broken, all } = await doctor();
  await yd.api('PATCH', `/hosts/${host.id}`, { body: { state: 'up' } });
  assert.deepEqual(broken, ['placement']);
  assert.match(all.placement.message, /maintenance/);
  assert.equal(all['gate-rdp'].ok, null);
  await nothingLeft();
});

test('only administrators may ask', async () => {
  const alice = await yd.person('alice', { department: office.department.id });
  await assert.rejects(yd.api('POST', '/doctor', { token: alice.token }), { status: 403 });
});
