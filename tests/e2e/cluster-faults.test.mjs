// SPDX-License-Identifier: Apache-2.0
// seconds: 900
// Hosts that are emptied, lose their power, lose their link, and come back with what they ran: desktops move while they
// run, start elsewhere only once their host is fenced, and never run twice.

import test, { after, afterEach, before } from 'node:test';
import assert from 'node:assert/strict';
import { Product } from '../lib/product.mjs';
import { Hosts } from '../lib/hosts.mjs';
import { inGuest } from '../lib/guest.mjs';
import { Invariants } from '../lib/invariants.mjs';
import { poll, virsh } from '../lib/process.mjs';
import { echo, rdpOpen } from '../lib/wire.mjs';

let yd;
let hosts;
let office;
let ann;
let invariants;

before(async () => {
  yd = await Product.start({ config: { deskd: { host_down: '4s' } } });
  hosts = await Hosts.start(yd, { count: 2, locks: true });
  for (const host of hosts) await host.add();
  // The desktops are on the two new hosts, which may be lost; "local" is where the manager runs.
  await yd.done('host', 'maintenance', 'local', 'on');
  office = await yd.office({ personal_disk_gib: 1 });
  ann = await yd.person('ann', { department: office.department.id });
  invariants = new Invariants(yd, hosts);
});

afterEach((t) => invariants.check(`after "${t.name}"`));

after(async () => {
  await hosts?.stop();
  await yd?.stop();
});

const record = async (name) => (await yd.api('GET', '/hosts?limit=100')).items.find((host) => host.name === name);
const byName = (name) => hosts.all.find((host) => host.name === name);
const desktopOf = async (who) => (await yd.api('GET', `/desktops?user_id=${who.id}`)).items[0];

// Which hosts really run it: by each host's own libvirt.
async function runsOn(desktop) {
  const found = [];
  if ((await virsh('list', '--name')).includes(`yd-${desktop.id}`)) found.push('local');
  for (const host of hosts.all.filter((one) => one.machine?.alive)) {
    if ((await host.virsh('list', '--name')).includes(`yd-${desktop.id}`)) found.push(host.name);
  }
  return found;
}

const hostOf = (desktop) => (desktop.host_name === 'local' ? undefined : byName(desktop.host_name));
const bootId = (desktop) => inGuest(desktop.id, 'cat /proc/sys/kernel/random/boot_id', hostOf(desktop));

// The echo through the gate, by a ticket of her own.
async function reaches(who) {
  const answer = await yd.connect(who, { pool: office.pool.id, protocol: 'rdp' });
  const { wire, granted } = await rdpOpen(yd.port, answer.ticket);
  assert.ok(granted && await echo(wire));
  wire.close();
}

test('a desktop moves to the other host while it runs, and is reached there', async (t) => {
  await yd.connect(ann, { pool: office.pool.id, protocol: 'rdp' });
  const before = await desktopOf(ann);
  const from = before.host_name;
  const boot = await bootId(before);
  await reaches(ann);
  await yd.refused(/already/, 'desktop', 'migrate', before.name, '--host', from);
  await yd.done('desktop', 'migrate', before.name);
  const moved = await desktopOf(ann);
  assert.notEqual(moved.host_name, from);
  assert.equal(moved.state, 'ready');
  assert.deepEqual(await runsOn(moved), [moved.host_name]);
  assert.equal(await bootId(moved), boot, 'it is the same boot: it went on');
  await reaches(ann);
  const [job] = (await yd.api('GET', `/jobs?object_id=${moved.id}&kind=desktop-migrate`)).items;
  t.diagnostic(`moved in ${job.result.took_ms} ms, stood still for ${job.result.pause_ms} ms (${job.result.live ? 'live' : 'paused'})`);
});

test('deskd is killed in the middle of a move: the hosts end it, and deskd finds out where', async () => {
  const before = await desktopOf(ann);
  const boot = await bootId(before);
  const job = await yd.api('POST', `/desktops/${before.id}/migrate`, { body: {} });
  await poll('the memory is on its way', async () => {
    const { stdout } = await byName(before.host_name).run('virsh', ['-q', '-c', 'qemu:///system', 'domjobinfo', `yd-${before.id}`]);
    return /Memory (total|remaining)/.test(stdout);
  }, { every: 50, seconds: 60 });
  await yd.kill('deskd');
  await yd.startAll();
  await yd.job(job);
  const moved = await desktopOf(ann);
  assert.notEqual(moved.host_name, before.host_name);
  assert.equal(moved.state, 'ready');
  assert.deepEqual(await runsOn(moved), [moved.host_name]);
  assert.equal(await bootId(moved), boot);
  await reaches(ann);
});

test('a host is drained: what runs there moves, and nothing new comes', async () => {
  const before = await desktopOf(ann);
  await yd.done('host', 'drain', before.host_name);
  const moved = await desktopOf(ann);
  assert.notEqual(moved.host_name, before.host_name);
  assert.deepEqual(await runsOn(moved), [moved.host_name]);
  assert.equal((await record(before.host_name)).state, 'maintenance');
  await reaches(ann);
  await yd.done('host', 'maintenance', before.host_name, 'off');
});

test('a host that lost its power is not believed to be dead until somebody says so', async (t) => {
  const desktop = await desktopOf(ann);
  const dead = byName(desktop.host_name);
  await inGuest(desktop.id, 'echo kept > ~ann/note; sync', dead);
  await dead.powerOff();
  const died = Date.now();
  await poll('it is down', async () => (await record(dead.name)).state === 'down', { seconds: 60 });
  t.diagnostic(`seen as down after ${Date.now() - died} ms`);
  assert.equal((await desktopOf(ann)).state, 'ready', 'nobody knows yet whether it runs');
  await invariants.check('while its host has no power');
  await yd.refused(/fence_command/, 'host', 'fence', dead.name, '--yes');
  const said = Date.now();
  await yd.done('host', 'fence', dead.name, '--confirmed', '--yes');
  const back = await poll('it is up elsewhere', async () => {
    const now = await desktopOf(ann);
    return now.state === 'ready' && now.host_name !== dead.name && now;
  }, { seconds: 120 });
  t.diagnostic(`ready elsewhere ${Date.now() - said} ms after the word was given`);
  assert.equal((await record(dead.name)).state, 'fenced');
  await invariants.check('when it has been started elsewhere');
  assert.equal(await inGuest(desktop.id, 'cat ~ann/note', hostOf(back)), 'kept\n');
  await reaches(ann);
  await dead.boot();
  await dead.up();
  assert.deepEqual(await runsOn(back), [back.host_name]);
});

test('a host that was cut off and fenced by mistake comes back with its machines: they are ended, never doubled', async () => {
  const desktop = await desktopOf(ann);
  const [last] = (await yd.api('GET', `/jobs?object_id=${desktop.id}&kind=desktop-start&sort=-created&limit=1`)).items;
  const cut = byName(desktop.host_name);
  await cut.cut();
  await poll('it is down', async () => (await record(cut.name)).state === 'down', { seconds: 90 });
  await yd.done('host', 'fence', cut.name, '--confirmed', '--yes');
  const olds = new Set(); // processes of its machine on the host that is cut
  const start = await poll('its start elsewhere is over', async () => {
    for (const it of await invariants.disks('while its host is cut')) {
      if (it.host !== cut.name || it.machine !== `yd-${desktop.id}`) continue;
      olds.add(it.pid);
      assert.equal(it.disks.filter((disk) => disk.lease).length, 2, 'the overlay and the personal disk are to have leases');
    }
    const [job] = (await yd.api('GET', `/jobs?object_id=${desktop.id}&kind=desktop-start&sort=-created&limit=1`)).items;
    return job.id !== last?.id && job.ended && job;
  }, { seconds: 120 });
  // Hosts of a laboratory share a kernel, so QEMU's own lock on the image speaks before virtlockd does; that the host holds its
  // leases all the while is checked beside.
  assert.equal(start.state, 'failed');
  assert.match(start.error, /Failed to get "write" lock|is locked/);
  const now = await desktopOf(ann);
  assert.equal(now.state, 'off');
  assert.equal(olds.size, 1, 'its old machine lived on');
  await invariants.check('while its host is cut');
  await cut.uncut();
  await cut.up({ seconds: 90 });
  const where = await runsOn(desktop);
  assert.ok(!where.includes(cut.name) || now.host_name === cut.name, `it runs on ${where}`);
  assert.ok(where.length <= 1, `it runs on ${where}`);
  await yd.connect(ann, { pool: office.pool.id, protocol: 'rdp' });
  await reaches(ann);
});

test('libvirtd alone dies: the machine goes on, and nothing is fenced while the gate answers', async () => {
  const desktop = await desktopOf(ann);
  const host = byName(desktop.host_name);
  await host.killLibvirtd();
  await poll('it is suspect', async () => (await record(host.name)).state === 'suspect', { seconds: 60 });
  await new Promise((resolve) => setTimeout(resolve, 18000)); // longer than host_down, and than a gate may be silent
  assert.equal((await record(host.name)).state, 'suspect');
  await invariants.check('without libvirtd');
  await host.startLibvirtd();
  await host.up();
  const now = await desktopOf(ann);
  assert.equal(now.state, 'ready');
  assert.deepEqual(await runsOn(now), [host.name]);
  await reaches(ann);
});
