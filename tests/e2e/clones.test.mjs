// SPDX-License-Identifier: Apache-2.0
// of the release build
// needs: release build
// Instant clones with real machines: a version's memory is frozen once, fresh desktops of a pool that wants it start
// from it and are nobody's twin; what does not fit starts from its disk and says why. YD_CLONES=20 makes twenty.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { agentOf, shellOf } from '../lib/guest.mjs';
import { poll, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { echo, rdpOpen } from '../lib/wire.mjs';

const COUNT = Number(process.env.YD_CLONES ?? 5);
let yd;
let office;
const clones = []; // { person, desktop, job, ms }

before(async () => {
  yd = await Product.start();
  // No clipboard: with an agent of QEMU's own for it libvirt 9 saves no machine.
  office = await yd.office({ instant: true, policy: { clipboard: false } });
});
after(() => yd?.stop());

const ram = (options = {}) => yd.api('POST', `/template-versions/${office.version.id}/ram`, { body: options });
const version = () => yd.api('GET', `/template-versions/${office.version.id}`);
const domain = (desktop) => `yd-${desktop.id}`;
const ramFile = async (suffix) => path.join(yd.state, 'images', 'ram', `${(await version()).ram_image}.${suffix}`);

// Someone new connects; their desktop, and the job that started it.
async function newcomer(name, pool = office.pool) {
  const person = await yd.person(name, { department: office.department.id });
  const begin = Date.now();
  const connection = await yd.connect(person, { pool: pool.id, protocol: 'rdp', seconds: 120 });
  const ms = Date.now() - begin;
  const desktop = await yd.api('GET', `/desktops/${connection.desktop_id}`);
  const { items } = await yd.api('GET', `/jobs?kind=desktop-start&object_id=${desktop.id}`);
  const [first] = items.sort((a, b) => a.created.localeCompare(b.created));
  return { person, connection, desktop, result: first.result, ms };
}

const unique = (what, values) => assert.equal(new Set(values).size, values.length, `two clones have the same ${what}: ${values.join(' ')}`);

test('a pool that wants it starts cold while its version has no RAM image', { timeout: 180000 }, async () => {
  const { result } = await newcomer('early');
  assert.equal(result.start, 'cold');
  assert.match(result.start_reason, /no RAM image/);
});

test('the memory of a version is frozen once', { timeout: 180000 }, async () => {
  const job = await yd.job(await ram(), { seconds: 170 });
  assert.equal(job.state, 'done', job.error);
  const made = await version();
  assert.equal(made.ram_memory_mib, 128);
  assert.equal(fs.statSync(await ramFile('ram')).size, 128 << 20);
  assert.ok(fs.statSync(await ramFile('stream')).size < 4 << 20, 'the pages are not in the stream');
  assert.ok(!fs.existsSync(await ramFile('save')), 'the whole save is gone');
  assert.doesNotMatch(await virsh('list', '--all', '--name'), /-ram-/, 'the machine that was frozen is gone');
});

test('fresh desktops start from it, each a machine of its own', { timeout: 400000 }, async () => {
  const before = fs.statSync(await ramFile('ram')).mtimeMs;
  for (let i = 0; i < COUNT; i++) {
    const clone = await newcomer(`person${i}`);
    assert.equal(clone.result.start, 'instant', clone.result.start_reason);
    clone.random = await shellOf(domain(clone.desktop), 'head -c 16 /dev/urandom | xxd -p');
    const { wire, granted } = await rdpOpen(yd.port, clone.connection.ticket);
    assert.ok(granted && (await echo(wire)), 'its way in works');
    wire.close();
    clones.push(clone);
  }
  for (const clone of clones) {
    const [hostname, machineId, mac, address, now, key] = (await shellOf(domain(clone.desktop),
      'hostname; cat /etc/machine-id; cat /sys/class/net/eth0/address; ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4; date +%s; sha256sum </etc/xrdp/key.pem')).trim().split('\n');
    Object.assign(clone, { hostname, machineId, mac, address, key });
    assert.equal(mac, clone.desktop.mac);
    assert.equal(address, `${clone.desktop.ip}/24`);
    assert.equal(hostname, clone.desktop.name);
    assert.ok(Math.abs(Number(now) - Date.now() / 1000) < 5, `its clock says ${now}`);
  }
  for (const what of ['random', 'hostname', 'machineId', 'mac', 'address', 'key']) unique(what, clones.map((clone) => clone[what]));
  assert.equal(fs.statSync(await ramFile('ram')).mtimeMs, before, 'nobody wrote to what all share');
  const times = clones.map((clone) => clone.ms).sort((a, b) => a - b);
  console.log(`# asked until ready: ${times.join(' ')} ms`);
});

test('they share their memory', async () => {
  const rollup = (desktop) => {
    const pid = fs.readdirSync('/proc').find((name) => /^\d+$/.test(name) && fs.readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(`guest=${domain(desktop)}`));
    const text = fs.readFileSync(`/proc/${pid}/smaps`, 'latin1');
    // Of the mapping of the RAM file alone
    const at = text.split(/(?=^[0-9a-f]+-[0-9a-f]+ )/m).filter((part) => part.split('\n', 1)[0].endsWith('.ram'));
    const sum = (name) => at.reduce((total, part) => total + Number(part.match(new RegExp(`^${name}: +(\\d+)`, 'm'))[1]), 0);
    return { rss: sum('Rss'), pss: sum('Pss'), own: sum('Private_Dirty') };
  };
  for (const clone of clones) {
    const memory = rollup(clone.desktop);
    assert.ok(memory.rss > 0 && memory.own < 64 * 1024, `${JSON.stringify(memory)}: most of its memory is not its own`);
    assert.ok(memory.pss < memory.rss, `${JSON.stringify(memory)}: pages are shared`);
  }
});

test('a clone is rebooted, saved and restored like any other machine', { timeout: 240000 }, async () => {
  const [first, second] = clones;
  await virsh('managedsave', domain(first.desktop));
  await virsh('start', domain(first.desktop));
  await poll('its agent', () => agentOf(domain(first.desktop), { execute: 'guest-ping' }).then(() => true, () => false), { seconds: 60 });
  assert.equal((await shellOf(domain(first.desktop), 'cat /etc/machine-id')).trim(), first.machineId, 'the same session goes on');
  const job = await yd.job(await yd.api('POST', `/desktops/${second.desktop.id}/reboot`, { body: {} }), { seconds: 200 });
  assert.equal(job.state, 'done', job.error);
  assert.match(job.result.start_reason, /has been used/);
  assert.doesNotMatch(await virsh('dumpxml', domain(second.desktop)), /yd-ram/, 'it boots with memory of its own');
});

test('what does not fit starts from its disk and says why', { timeout: 400000 }, async () => {
  const big = await yd.api('POST', '/pools', { body: { name: 'big', template_version_id: office.version.id, network_id: office.network.id, vcpus: 1, memory_mib: 160, instant: true } });
  await yd.api('POST', `/pools/${big.id}/entitlements`, { body: { department_id: office.department.id } });
  const larger = await newcomer('larger', big);
  assert.equal(larger.result.start, 'cold');
  assert.match(larger.result.start_reason, /160 MiB/);

  // As after an update of QEMU
  const description = await ramFile('json');
  const kept = JSON.parse(fs.readFileSync(description, 'utf8'));
  fs.writeFileSync(description, JSON.stringify({ ...kept, facts: { ...kept.facts, qemu: '6.6.6' } }));
  const updated = await newcomer('updated');
  assert.equal(updated.result.start, 'cold');
  assert.match(updated.result.start_reason, /QEMU 6\.6\.6/);
  fs.writeFileSync(description, JSON.stringify(kept));

  // A stream that QEMU refuses half way: the same start goes on from the disk
  const stream = await ramFile('stream');
  const bytes = fs.readFileSync(stream);
  fs.writeFileSync(stream, Buffer.concat([bytes.subarray(0, 64), Buffer.alloc(bytes.length - 64, 0xee)]));
  const broken = await newcomer('broken');
  assert.equal(broken.result.start, 'cold');
  assert.ok(broken.result.start_reason, 'it says why');
  assert.equal(broken.desktop.ram_image, null);
  fs.writeFileSync(stream, bytes);

  // Somebody wrote to what all share
  const pages = fs.openSync(await ramFile('ram'), 'r+');
  fs.writeSync(pages, Buffer.from([1]), 0, 1, 0);
  fs.closeSync(pages);
  const tampered = await newcomer('tampered');
  assert.equal(tampered.result.start, 'cold');
  assert.match(tampered.result.start_reason, /somebody wrote to it/);
});

test('its RAM image can go and come back; clones go on', { timeout: 180000 }, async () => {
  const pages = await ramFile('ram');
  await yd.ctl(['template', 'ram', 'tiny:1', '--delete']);
  assert.equal((await version()).ram_image, null);
  assert.ok(fs.existsSync(pages), 'the disks of clones still lie on it');
  assert.match(await shellOf(domain(clones[0].desktop), 'echo alive'), /alive/);
});
