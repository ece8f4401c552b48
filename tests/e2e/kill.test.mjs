// SPDX-License-Identifier: Apache-2.0
// deskd is killed with -9 in the middle of ten creations, of a start, of a deletion: what was begun is there afterwards, or
// gone without a trace; live sessions outlast it.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { poll, sleep, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { echo, rdpOpen } from '../lib/wire.mjs';

let yd;
let office;
const people = [];

before(async () => {
  yd = await Product.start();
  office = await yd.office();
  for (let i = 0; i < 10; i++) people.push(await yd.person(`person${i}`, { department: office.department.id }));
});
after(() => yd?.stop());

const overlays = () => fs.readdirSync(path.join(yd.state, 'images')).filter((name) => name.startsWith('dsk-')).sort();
const desktops = async () => (await yd.api('GET', '/desktops?limit=100')).items;
const machines = async () => (await virsh('list', '--all', '--name')).trim().split('\n').filter(Boolean);
const ended = (job) => ['done', 'failed', 'cancelled'].includes(job.state);

async function killAndRestart() {
  await yd.kill('deskd');
  await yd.startAll();
}

// Waits until nothing is queued or running; returns all jobs.
const quiet = () => poll('all jobs have ended', async () => {
  const jobs = (await yd.api('GET', '/jobs?limit=500')).items;
  return jobs.every(ended) && jobs;
}, { seconds: 120, every: 300 });

// What the store, the image folder and the network say must fit together.
async function consistent() {
  const all = await desktops();
  assert.deepEqual(overlays(), all.map((it) => `${it.id}.qcow2`).sort(), 'one overlay for each desktop');
  assert.ok(all.every((it) => it.state === 'off' || it.state === 'ready'), JSON.stringify(all.map((it) => it.state)));
  assert.equal(new Set(all.map((it) => it.ip)).size, all.length, 'an address for each');
  assert.equal((await yd.api('GET', `/networks/${office.network.id}`)).addresses_used, all.length);
  return all;
}

test('ten creations, deskd killed while they go on', async () => {
  const job = await yd.api('POST', `/pools/${office.pool.id}/handout`, { body: { department_id: office.department.id } });
  await poll('some are made and some are not', () => overlays().length >= 2, { every: 5 });
  await killAndRestart();
  const jobs = await quiet();
  assert.equal(jobs.find((it) => it.id === (job.job?.id ?? job.id)).state, 'done');
  assert.equal((await consistent()).length, 10);
  assert.deepEqual(await machines(), []);
});

test('killed again and again, a deletion of all leaves no trace', async () => {
  for (const desktop of await desktops()) await yd.api('DELETE', `/desktops/${desktop.id}`);
  await sleep(50);
  await killAndRestart();
  await killAndRestart();
  await quiet();
  assert.equal((await consistent()).length, 0);
});

// At every step, by the hook that ends deskd there.
for (const at of ['address:after', 'dhcp:after', 'disk', 'disk:after', 'off:after']) {
  test(`killed at ${at} of a creation`, async () => {
    await yd.kill('deskd');
    process.env.YD_JOB_STOP = `desktop-create:${at}`;
    yd.startProgram('deskd');
    delete process.env.YD_JOB_STOP;
    await yd.ready();
    // The job may reach its end before the answer is out.
    await yd.request('POST', `/api/v1/pools/${office.pool.id}/connections`, { token: people[0].token, body: { protocol: 'rdp' } })
      .catch((error) => assert.equal(error.code, 'ECONNRESET', String(error)));
    await poll('deskd is gone', () => !yd.programs.deskd.alive, { every: 20 });
    await yd.startAll();
    await quiet();
    const all = await consistent();
    assert.equal(all.length, 1);
    await yd.job(await yd.api('DELETE', `/desktops/${all[0].id}`));
    await consistent();
  });
}

test('killed while a desktop starts, it gets ready; a live session outlasts deskd', async () => {
  const first = await yd.request('POST', `/api/v1/pools/${office.pool.id}/connections`, { token: people[0].token, body: { protocol: 'rdp' } });
  await yd.job(first.body);
  const [desktop] = await desktops();
  await yd.api('POST', `/desktops/${desktop.id}/start`);
  await poll('its machine runs', async () => (await machines()).length === 1);
  await killAndRestart();
  await poll('it is ready', async () => (await desktops())[0].state === 'ready', { seconds: 120, every: 300 });

  const connection = await yd.connect(people[0], { pool: office.pool.id });
  const { wire, granted } = await rdpOpen(yd.port, connection.ticket);
  assert.ok(granted && await echo(wire));
  await yd.kill('deskd');
  assert.ok(await echo(wire), 'bytes go on while no deskd runs');
  await yd.startAll();
  assert.ok(await echo(wire), 'and when it is back');
  await poll('the session is known again', async () => {
    const { items } = await yd.api('GET', '/connections?state=open');
    return items.some((it) => it.id === connection.id);
  });
  await yd.api('DELETE', `/connections/${connection.id}`);
  await wire.end(5);
});
