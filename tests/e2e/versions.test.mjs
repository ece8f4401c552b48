// SPDX-License-Identifier: Apache-2.0
// A template is changed while people work: two workbenches side by side, one becomes version 2, which is tried and then
// used; the desktop of version 1 goes on undisturbed. A version that does not boot fails its check, a damaged one is
// refused, one in use is not deleted, one is flattened under a running desktop.
// The small guest keeps nothing of its root, so what is "installed" is written to a free place of its disk.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest } from '../lib/guest.mjs';
import { poll } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { rdpOpen, echo } from '../lib/wire.mjs';

let yd;
let office;
let name; // of the template
let alice;
let first; // her wire to her desktop of version 1

before(async () => {
  yd = await Product.start();
  office = await yd.office();
  name = office.template.name;
  alice = await yd.person('alice', { department: office.department.id });
});
after(() => yd?.stop());

const ctl = (...args) => yd.done(...args);
const refused = (...args) => yd.refused(...args);
const workbenches = async () => (await yd.api('GET', `/desktops?template_id=${office.template.id}&sort=name`)).items;
const version = async (number) => (await yd.api('GET', `/templates/${office.template.id}/versions`)).items.find((it) => it.number === number);
const file = (image) => path.join(yd.state, 'images', image);

const write = (id, text) => inGuest(id, `printf %s '${text}' | dd of=/dev/vda bs=1M seek=38 conv=notrunc 2>/dev/null && sync`);
const read = async (id, length) => inGuest(id, `dd if=/dev/vda bs=1M skip=38 count=1 2>/dev/null | head -c ${length}`);

test('two workbenches run side by side on the version that a desktop uses', { timeout: 400000 }, async () => {
  const c = await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  const opened = await rdpOpen(yd.port, c.ticket);
  first = opened.wire;
  assert.ok(opened.granted && await echo(first));

  await ctl('template', 'change', name);
  await ctl('template', 'change', `${name}:1`);
  const [one, two] = await workbenches();
  assert.equal(two.template_number, 1);
  assert.equal((await yd.api('GET', `/templates/${office.template.id}`)).workbenches, 2);
  await poll('both agents answer', async () => (await workbenches()).every((it) => it.agent_seen), { seconds: 120 });
  await write(one.id, 'what was changed');
  await write(two.id, 'something else..');
  assert.equal(await read(one.id, 16), 'what was changed');
  assert.equal(await read(two.id, 16), 'something else..');
  await refused(/several workbenches.*--workbench/, 'template', 'publish', name);
  await refused(/shut its system down/, 'template', 'publish', name, '--workbench', one.name);
  assert.ok(await echo(first), 'the desktop of version 1 goes on');
});

test('published, it is version 2 in a moment, tried, and used by new desktops', { timeout: 400000 }, async () => {
  const [one] = await workbenches();
  const said = await ctl('template', 'publish', name, '--workbench', one.name, '--shutdown', '--notes', 'a program more');
  assert.match(said, /version 2 is ready/);
  const v2 = await version(2);
  assert.deepEqual([v2.state, v2.notes, v2.parent_number, v2.author, v2.depth], ['ready', 'a program more', 1, 'admin', 2]);
  assert.equal(fs.statSync(file(v2.image)).mode & 0o777, 0o444);
  const job = (await yd.api('GET', '/jobs?kind=workbench-finish')).items[0];
  const { machine, seal, version: told } = job.result.step_ms;
  assert.ok(machine + seal + told < 5000, `from off to checking: ${machine} + ${seal} + ${told} ms`);
  const check = await yd.api('GET', `/jobs/${job.result.check_job}`);
  assert.equal(check.state, 'done');
  assert.ok(check.result.step_ms.boot > 0, 'the trial boot has its own time');
  assert.equal((await yd.api('GET', '/desktops?search=trial')).items.length, 0);

  const bob = await yd.person('bob', { department: office.department.id });
  const pool = await yd.api('POST', '/pools', { body: { name: 'changed', template_version_id: v2.id, network_id: office.network.id, vcpus: 1, memory_mib: 128 } });
  await yd.api('POST', `/pools/${pool.id}/entitlements`, { body: { department_id: office.department.id } });
  const c = await yd.connect(bob, { pool: pool.id, protocol: 'rdp' });
  const { wire, granted } = await rdpOpen(yd.port, c.ticket);
  assert.ok(granted && await echo(wire));
  const [his] = (await yd.api('GET', `/desktops?pool_id=${pool.id}`)).items;
  const [hers] = (await yd.api('GET', `/desktops?pool_id=${office.pool.id}`)).items;
  assert.equal(await read(his.id, 16), 'what was changed');
  assert.notEqual(await read(hers.id, 16), 'what was changed', 'version 1 is as it was');
  assert.notEqual(await inGuest(his.id, 'cat /etc/machine-id'), await inGuest(hers.id, 'cat /etc/machine-id'));

  // Flattened under his running desktop: neither notices; the old file stays.
  await ctl('template', 'flatten', `${name}:2`);
  const flat = await version(2);
  assert.equal(flat.depth, 1);
  assert.notEqual(flat.image, v2.image);
  assert.ok(fs.existsSync(file(v2.image)));
  await inGuest(his.id, 'echo 3 >/proc/sys/vm/drop_caches');
  assert.equal(await read(his.id, 16), 'what was changed');
  assert.ok(await echo(wire) && await echo(first));
  wire.close();

  await refused(/version 1 .*used by pool .*desktop .*alice/s, 'template', 'delete-version', `${name}:1`, '--yes');
  assert.match(await ctl('template', 'users', `${name}:2`), new RegExp(`${pool.name}[\\s\\S]*${his.name}`));
  assert.match(await ctl('template', 'versions', name), /a program more/);
  // Measured in rounds: one may have come after the version and before its desktop.
  await poll('disk use of the version and its desktop is known', async () => { const now = await version(2); return now.disk_bytes > 0 && now.desktops_bytes > 0; }, { seconds: 150 });

  // Damaged: its desktop does not start any more, hers is not concerned.
  await yd.job(await yd.api('POST', `/desktops/${his.id}/power-off`));
  const now = fs.statSync(file(v2.image));
  fs.utimesSync(file(v2.image), new Date(0), new Date(0));
  await assert.rejects(async () => yd.job(await yd.api('POST', `/desktops/${his.id}/start`)), /damaged: its file .* was written at 1970/);
  assert.match((await version(2)).damage, /was written at/);
  const doctor = await yd.ctl(['doctor']);
  assert.notEqual(doctor.code, 0);
  assert.match(doctor.stdout, /versions[\s\S]*version 2 of “tiny”: its file .* was written at 1970/);
  assert.ok(await echo(first));
  fs.utimesSync(file(v2.image), now.atime, now.mtime);
  await ctl('template', 'verify', `${name}:2`);
  assert.equal((await version(2)).damage, null);
});

test('a version that does not boot fails its check, and its change is not lost', { timeout: 400000 }, async () => {
  const [two] = await workbenches();
  // A boot sector that switches the machine off: out 0x604, 0x2000 (ACPI of QEMU's chip sets).
  await inGuest(two.id, "printf '\\272\\004\\006\\270\\000\\040\\357\\364\\353\\375' | dd of=/dev/vda bs=1 conv=notrunc 2>/dev/null && sync");
  await ctl('template', 'keep', name);
  assert.equal((await workbenches())[0].state, 'off');
  assert.ok(fs.existsSync(file(`${two.id}.qcow2`)));
  await refused(/failed its check: .*the trial boot failed: .*ended by itself/s, 'template', 'publish', name, '--notes', 'broken');
  const v3 = await version(3);
  assert.equal(v3.state, 'failed');
  assert.equal(v3.parent_number, 1);
  assert.ok(fs.existsSync(file(v3.image)));
  assert.equal((await yd.api('GET', `/templates/${office.template.id}`)).newest, 2);
  await ctl('template', 'change', `${name}:3`, '--no-wait'); // it can be worked on
  await poll('the workbench is made', async () => (await workbenches())[0]?.template_number === 3);
  await ctl('template', 'discard', name, '--yes');
  assert.equal((await workbenches()).length, 0);
  await ctl('template', 'delete-version', `${name}:3`, '--yes');
  assert.ok(!fs.existsSync(file(v3.image)));
  assert.ok(await echo(first), 'the desktop of version 1 was never disturbed');
  first.close();
});
