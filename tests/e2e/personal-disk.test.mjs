// SPDX-License-Identifier: Apache-2.0
// A personal disk on real machines: made at the first start, the home of its person, there after a rebuild, after the
// desktop was deleted and handed out again, in another pool; larger while it is in use; never at two machines at once.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest as exec } from '../lib/guest.mjs';
import { ok, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';

let yd;
let office;
let alice;
let desktop; // alice's in the first pool

before(async () => {
  yd = await Product.start();
  office = await yd.office({ personal_disk_gib: 1 });
  alice = await yd.person('alice', { department: office.department.id });
});
after(() => yd?.stop());

const ctl = (...args) => yd.done(...args);
const refused = (...args) => yd.refused(...args);
const disks = async () => (await yd.api('GET', '/personal-disks')).items;
const fresh = (id = desktop.id) => yd.api('GET', `/desktops/${id}`);
const act = async (what, id = desktop.id) => yd.job(await yd.api('POST', `/desktops/${id}/${what}`));
const desktopOf = async (pool) => (await yd.api('GET', `/desktops?user_id=${alice.id}&pool_id=${pool.id}`)).items[0];

async function handOut(pool) {
  await yd.job(await yd.api('POST', `/pools/${pool.id}/handout`, { body: { user_ids: [alice.id] } }));
  return desktopOf(pool);
}

// What a shell command in the guest prints, by its agent.
const inGuest = async (command, id = desktop.id) => (await exec(id, command)).trim();

const write = (text) => inGuest(`echo ${text} >~alice/note && cd /root && touch system && sync`);
const home = (id) => inGuest('grep " /home/alice " /proc/mounts | cut -d" " -f1,3; stat -c %U:%a ~alice; cat ~alice/note', id);

test('made at the first start, and the home of its person', { timeout: 120000 }, async () => {
  desktop = await handOut(office.pool);
  assert.equal(desktop.personal_disk_gib, 1, 'what the next start makes is known before');
  assert.equal(desktop.personal_disk_id, null);
  await act('start');
  const [disk] = await disks();
  assert.equal(disk.name, 'alice@office');
  assert.equal(disk.state, 'ready');
  assert.equal(disk.formatted, true);
  assert.equal((await fresh()).personal_disk_id, disk.id);
  assert.match(await virsh('dumpxml', `yd-${desktop.id}`), /<serial>yundesk-home<\/serial>/);
  await write('first');
  assert.equal(await home(), '/dev/vdb ext4\nalice:700\nfirst');
  assert.match(await ctl('disk', 'list'), /alice@office/);
});

test('a rebuild makes the system anew and keeps the files', { timeout: 120000 }, async () => {
  await inGuest('echo changed | dd of=/dev/vda bs=1 seek=500 conv=notrunc 2>/dev/null; sync');
  await act('rebuild');
  await act('start');
  assert.equal(await home(), '/dev/vdb ext4\nalice:700\nfirst');
  assert.equal(await inGuest('dd if=/dev/vda bs=1 skip=500 count=7 2>/dev/null | grep -c changed || true'), '0', 'the system disk is fresh');
  assert.equal(await inGuest('ls /root'), '');
});

test('grows while it is in use, image and file system', { timeout: 60000 }, async () => {
  const size = () => inGuest('df -k /home/alice | awk "END { print \\$(NF-4) }"').then(Number);
  const before_ = await size();
  await refused(/can only grow/, 'disk', 'grow', 'alice@office', '--to', '1G');
  await refused(/personal_quota_gib/, 'disk', 'grow', 'alice@office', '--to', '2000G');
  assert.match(await ctl('disk', 'grow', 'alice@office', '--to', '2G'), /grown/);
  assert.equal((await disks())[0].size_gib, 2);
  assert.equal(await inGuest('cat /sys/block/vdb/size'), String(2 * 2 ** 30 / 512));
  assert.ok(await size() > 1.7 * before_, 'the file system grew with it');
  assert.equal(await home(), '/dev/vdb ext4\nalice:700\nfirst');
});

test('at another pool it is refused while a machine has it, and goes along afterwards', { timeout: 120000 }, async () => {
  const { id: _, ...like } = { name: 'second', template_version_id: office.version.id, network_id: office.network.id, vcpus: 1, memory_mib: 128, disk_gib: 1 };
  const second = await yd.api('POST', '/pools', { body: like });
  await yd.api('POST', `/pools/${second.id}/entitlements`, { body: { department_id: office.department.id } });
  await refused(/has no personal disks/, 'disk', 'move', 'alice@office', '--pool', 'second');
  await yd.api('PATCH', `/pools/${second.id}`, { body: { personal_disk_gib: 1 } });
  await refused(new RegExp(`attached to desktop “${desktop.name}”`), 'disk', 'move', 'alice@office', '--pool', 'second');
  await refused(new RegExp(`attached to desktop “${desktop.name}”`), 'disk', 'delete', 'alice@office', '--yes');
  await act('shutdown');
  assert.match(await ctl('disk', 'move', 'alice@office', '--pool', 'second'), /alice@second/);
  const other = await handOut(second);
  await act('start', other.id);
  assert.equal(await home(other.id), '/dev/vdb ext4\nalice:700\nfirst');
  await act('power-off', other.id);
  await ctl('disk', 'move', 'alice@second', '--pool', 'office');
});

test('a deleted desktop leaves it, and the next one has it', { timeout: 120000 }, async () => {
  await yd.job(await yd.api('DELETE', `/desktops/${desktop.id}`));
  const [disk] = await disks();
  assert.equal(disk.desktop_id, null);
  desktop = await handOut(office.pool);
  await act('start');
  assert.equal(await home(), '/dev/vdb ext4\nalice:700\nfirst');
});

test('missing or damaged: not started, never made anew, told why', { timeout: 60000 }, async () => {
  await act('shutdown');
  const [disk] = await disks();
  const file = path.join(yd.state, 'images', disk.image);
  fs.renameSync(file, `${file}.away`);
  await refused(/is missing/, 'desktop', 'start', desktop.name);
  assert.ok(!fs.existsSync(file), 'no empty disk took its place');
  fs.writeFileSync(file, 'not an image at all'.repeat(1000));
  await refused(/is damaged/, 'desktop', 'start', desktop.name);
  assert.match((await disks())[0].error, /./);
  fs.renameSync(`${file}.away`, file);
  await act('start');
  assert.equal((await disks())[0].error, null);
  assert.match(await home(), /first$/);
});

test('foreign data on it is not formatted', { timeout: 60000 }, async () => {
  await act('shutdown');
  const [disk] = await disks();
  const file = path.join(yd.state, 'images', disk.image);
  await ok('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x59 0 1M', file]);
  await refused(/not formatted/, 'desktop', 'start', desktop.name);
  assert.match(await ok('qemu-io', ['-f', 'qcow2', '-c', 'read -P 0x59 0 1M', file]), /read 1048576/);
});

test('goes with its desktop only when it is named', { timeout: 60000 }, async () => {
  const [disk] = await disks();
  await assert.rejects(yd.api('DELETE', `/desktops/${desktop.id}?personal_disk=pdk-other`), (error) => error.status === 400 || error.status === 422);
  await ctl('desktop', 'delete', desktop.name, '--personal-disk', 'alice@office', '--yes');
  assert.deepEqual(await disks(), []);
  assert.ok(!fs.existsSync(path.join(yd.state, 'images', disk.image)));
});
