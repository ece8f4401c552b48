// SPDX-License-Identifier: Apache-2.0
// What desktops and connections must refuse, each with a code and what to do, and nothing half done; and what a policy takes
// away from a connection.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { rdpOpen, spiceOpen } from '../lib/wire.mjs';

let yd;
let office;
let alice;
let bob;
let desktop;

before(async () => {
  yd = await Product.start();
  office = await yd.office();
  alice = await yd.person('alice', { department: office.department.id });
  bob = await yd.person('bob');
  await yd.connect(alice, { pool: office.pool.id });
  [desktop] = (await yd.api('GET', '/desktops')).items;
});
after(() => yd?.stop());

const refused = (promise, status, code, text) => assert.rejects(promise, (error) => {
  assert.equal(error.status, status, error.message);
  assert.equal(error.code, code, error.message);
  if (text) assert.match(error.message, text);
  return true;
});

test('hardware out of bounds, a smaller disk, names that lie', async () => {
  const patch = (body) => yd.api('PATCH', `/desktops/${desktop.id}`, { body });
  for (const body of [{ vcpus: 0 }, { vcpus: 65 }, { vcpus: -1 }, { vcpus: 1.5 }, { vcpus: '2' }, { memory_mib: 63 }, { memory_mib: 1e15 },
    { name: '' }, { name: 'a\u0000b' }, { name: 'a\nb' }, { name: 'x\u202Ey' }, { name: 'n'.repeat(4096) }, { state: 'ready' },
    { uuid: 'x' }, { no_such_field: 1 }]) {
    await refused(patch(body), 400, 'invalid').catch((error) => { throw new Error(`${JSON.stringify(body)}: ${error.message}`); });
  }
  await yd.job(await patch({ disk_gib: 2 }));
  await refused(patch({ disk_gib: 1 }), 400, 'invalid', /grow/);
  assert.equal((await yd.api('GET', `/desktops/${desktop.id}`)).state, 'ready');
});

test('verbs in the wrong state', async () => {
  await refused(yd.api('POST', `/desktops/${desktop.id}/start`), 409, 'state');
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/shutdown`));
  await refused(yd.api('POST', `/desktops/${desktop.id}/shutdown`), 409, 'state');
  await refused(yd.api('POST', `/desktops/${desktop.id}/reboot`), 409, 'state');
  await refused(yd.api('POST', '/desktops/dsk-00000000000000000000000000/start'), 404, 'not-found');
  await refused(yd.api('POST', "/desktops/..%2f..%2fetc/start"), 404, 'not-found');
});

test('handing out to nobody, to strangers, to more than fit', async () => {
  const handout = (body) => yd.api('POST', `/pools/${office.pool.id}/handout`, { body });
  await refused(handout({}), 400, 'invalid');
  await refused(handout({ user_ids: [] }), 400, 'invalid');
  await refused(handout({ user_ids: [bob.id] }), 403, 'not-entitled', /bob/);
  await refused(handout({ user_ids: ['usr-none'] }), 404, 'not-found');
  const carl = await yd.person('carl', { department: office.department.id });
  await yd.api('PATCH', `/pools/${office.pool.id}`, { body: { max_desktops: 1 } });
  await refused(handout({ user_ids: [carl.id] }), 409, 'limit', /1/);
  await yd.api('PATCH', `/pools/${office.pool.id}`, { body: { max_desktops: 0 } });
  assert.equal((await yd.api('GET', '/desktops')).items.length, 1, 'nothing was made');
});

test('connecting to what is not theirs, or not any more', async () => {
  await refused(yd.api('POST', `/desktops/${desktop.id}/connections`, { token: bob.token, body: { protocol: 'rdp' } }), 404, 'not-found');
  await refused(yd.api('POST', `/pools/${office.pool.id}/connections`, { token: bob.token, body: { protocol: 'rdp' } }), 404, 'not-found');
  await refused(yd.api('POST', `/desktops/${desktop.id}/connections`, { token: alice.token, body: { protocol: 'telnet' } }), 400, 'invalid');
  await refused(yd.api('POST', `/desktops/${desktop.id}/connections`, { token: alice.token, body: { protocol: 'console' } }), 403, 'forbidden');
  const [given] = (await yd.api('GET', `/pools/${office.pool.id}/entitlements`)).items;
  const connection = await yd.connect(alice, { pool: office.pool.id });
  const { wire, granted } = await rdpOpen(yd.port, connection.ticket);
  assert.ok(granted);
  await yd.api('DELETE', `/pools/${office.pool.id}/entitlements/${given.id}`);
  await wire.end(5); // cut with the grant
  await refused(yd.api('POST', `/desktops/${desktop.id}/connections`, { token: alice.token, body: { protocol: 'rdp' } }), 403, 'not-entitled');
  await yd.api('POST', `/pools/${office.pool.id}/entitlements`, { body: { department_id: office.department.id } });
});

test('tickets: for the other protocol, after the end, from a log-in that ended', async () => {
  const rdp = await yd.connect(alice, { pool: office.pool.id });
  assert.notEqual((await spiceOpen(yd.port, rdp.ticket)).status, 200);
  const first = await rdpOpen(yd.port, rdp.ticket);
  assert.ok(first.granted);
  const token = await yd.login('alice', alice.password);
  const other = await yd.api('POST', `/desktops/${desktop.id}/connections`, { token, body: { protocol: 'rdp' } });
  await yd.api('POST', '/logout', { token });
  assert.equal((await rdpOpen(yd.port, other.ticket)).granted, false, 'its log-in has ended');
  await yd.api('PATCH', `/users/${alice.id}`, { body: { enabled: false } });
  const ms = await first.wire.end(5);
  assert.ok(ms < 2000, `disabling the user cut the session after ${ms} ms`);
  assert.equal((await rdpOpen(yd.port, rdp.ticket)).granted, false);
  await yd.api('PATCH', `/users/${alice.id}`, { body: { enabled: true } });
  alice.token = await yd.login('alice', alice.password);
});

test('the policy is in the files', async () => {
  const policy = { drives: false, clipboard: false, printers: false, usb: false, audio: false };
  await yd.api('PATCH', `/pools/${office.pool.id}`, { body: { policy } });
  const { file } = await yd.connect(alice, { pool: office.pool.id });
  for (const line of ['redirectdrives:i:0', 'redirectclipboard:i:0', 'redirectprinters:i:0', 'audiomode:i:2']) {
    assert.ok(file.content.split('\r\n').includes(line), line);
  }
  assert.match(file.content, /^signature:s:/m);
  await refused(yd.api('PATCH', `/pools/${office.pool.id}`, { body: { policy: { drives: 'maybe' } } }), 400, 'invalid', /drives/);
});

test('the host is out of memory: off again, and it says why', async () => {
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/shutdown`));
  await yd.job(await yd.api('PATCH', `/desktops/${desktop.id}`, { body: { memory_mib: 1048576 } }));
  await assert.rejects(yd.api('POST', `/desktops/${desktop.id}/start`).then((it) => yd.job(it)), /no-room/);
  const now = await yd.api('GET', `/desktops/${desktop.id}`);
  assert.equal(now.state, 'off');
  assert.match(JSON.stringify(now.placement), /memory/);
  assert.equal((await virsh('list', '--name')).trim(), '');
  await yd.job(await yd.api('PATCH', `/desktops/${desktop.id}`, { body: { memory_mib: 128 } }));
  await yd.connect(alice, { pool: office.pool.id });
});

test('a rebuild cuts the session and keeps the address; a deletion leaves nothing', async () => {
  const connection = await yd.connect(alice, { pool: office.pool.id });
  const { wire, granted } = await rdpOpen(yd.port, connection.ticket);
  assert.ok(granted);
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/rebuild`, { token: alice.token }));
  await wire.end(5);
  assert.equal((await yd.api('GET', `/desktops/${desktop.id}`)).ip, desktop.ip);
  await yd.connect(alice, { pool: office.pool.id });
  await yd.job(await yd.api('DELETE', `/desktops/${desktop.id}`));
  assert.deepEqual(fs.readdirSync(path.join(yd.state, 'images')).filter((name) => name.startsWith('dsk-')), []);
  assert.equal((await virsh('list', '--all', '--name')).trim(), '');
});
