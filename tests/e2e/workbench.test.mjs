// SPDX-License-Identifier: Apache-2.0
// A template from an ISO image: the medium is uploaded, a workbench boots it, what is installed there becomes version 1,
// and a pool's desktop made of that starts. The image is the small guest's kernel and initramfs with the small guest's
// disk beside them; installing is writing that to the workbench's disk, which the guest's own agent does.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest } from '../lib/guest.mjs';
import { ok, poll, virsh } from '../lib/process.mjs';
import { bootableIso } from '../lib/medium.mjs';
import { Product } from '../lib/product.mjs';
import { rdpOpen, echo } from '../lib/wire.mjs';

let yd;
let office;

before(async () => {
  yd = await Product.start();
  office = await yd.office();
});
after(() => yd?.stop());

const template = async (name) => (await yd.api('GET', `/templates?name=${name}`)).items[0];
const ctl = (...args) => yd.done(...args);
const refused = (...args) => yd.refused(...args);

test('a medium that does not boot, a system that is not known, are refused', { timeout: 60000 }, async () => {
  const data = path.join(yd.home, 'data');
  fs.mkdirSync(data);
  fs.writeFileSync(path.join(data, 'a'), 'text');
  await ok('xorriso', ['-as', 'mkisofs', '-quiet', '-V', 'DATA', '-o', `${data}.iso`, data]);
  await ctl('media', 'upload', `${data}.iso`, '--name', 'data');
  await refused(/does not boot/, 'template', 'create', 'a', '--iso', 'data', '--os', 'linux');
  await refused(/--iso/, 'template', 'create', 'a', '--os', 'linux');
  await refused(/os/, 'template', 'create', 'a', '--iso', 'data', '--os', 'beos');
  assert.equal(await template('a'), undefined);
  await ctl('media', 'delete', 'data', '--yes');
});

test('ISO → workbench → version 1 → a desktop of a pool', { timeout: 400000 }, async () => {
  const iso = path.join(yd.home, 'tiny.iso');
  await bootableIso(yd.home, iso);
  await ctl('media', 'upload', iso);
  const medium = (await yd.api('GET', '/media?name=tiny.iso')).items[0];
  assert.equal(medium.label, 'TINY');
  assert.equal(medium.bootable, true);

  assert.match(await ctl('template', 'create', 'fresh', '--iso', 'tiny.iso', '--os', 'linux', '--disk', '1G', '--memory', '256M', '--cpus', '1', '--network', office.network.name), /workbench runs/);
  const id = (await template('fresh')).workbench_id;
  const bench = () => yd.api('GET', `/desktops/${id}`);
  assert.equal((await bench()).state, 'ready');
  const xml = await virsh('dumpxml', `yd-${id}`);
  assert.match(xml, /device='cdrom'[\s\S]*?<readonly\/>/);
  await refused(/workbench .* of template .*fresh/, 'media', 'delete', 'tiny.iso', '--yes');
  await refused(/shut its system down/, 'template', 'finish', 'fresh');
  await refused(/has a workbench/, 'template', 'delete', 'fresh', '--yes');
  await poll('the system of the medium runs: its agent answers', async () => (await bench()).agent_seen, { seconds: 90 });
  const picture = await yd.request('GET', `/api/v1/desktops/${id}/screenshot`, { token: yd.admin.token });
  assert.equal(picture.status, 200);

  await inGuest(id, 'zcat /tiny.raw.gz >/dev/vda && sync');
  await yd.job(await yd.api('POST', `/desktops/${id}/shutdown`));
  // Killed right after the disk got its new name: the next deskd ends what was begun.
  await yd.kill('deskd');
  process.env.YD_JOB_STOP = 'workbench-finish:seal:after';
  await yd.startAll();
  delete process.env.YD_JOB_STOP;
  const finish = await yd.api('POST', `/workbenches/${id}/finish`, { body: { notes: 'installed by hand' } });
  await poll('deskd is gone', () => !yd.programs.deskd.alive);
  await yd.startAll();
  const sealed = await yd.job(finish);
  await yd.job(await yd.api('GET', `/jobs/${sealed.result.check_job}`)); // read, and booted once
  const made = await template('fresh');
  assert.equal(made.workbench_id, null);
  assert.equal(made.newest, 1);
  const version = (await yd.api('GET', `/templates/${made.id}/versions`)).items[0];
  assert.equal(version.state, 'ready');
  assert.equal(version.notes, 'installed by hand');
  const file = path.join(yd.state, 'images', version.image);
  assert.equal(fs.statSync(file).mode & 0o777, 0o444);
  assert.equal((await ok('sha256sum', [file])).split(' ')[0], version.checksum);
  assert.doesNotMatch(await virsh('list', '--all', '--name'), new RegExp(id));
  await yd.api('GET', `/desktops/${id}`).then(() => assert.fail('the workbench is still there'), (error) => assert.equal(error.status, 404));
  await ctl('media', 'delete', 'tiny.iso', '--yes'); // nothing needs it any more

  const pool = await yd.api('POST', '/pools', { body: { name: 'fresh', template_version_id: version.id, network_id: office.network.id, vcpus: 1, memory_mib: 128 } });
  await yd.api('POST', `/pools/${pool.id}/entitlements`, { body: { department_id: office.department.id } });
  const alice = await yd.person('alice', { department: office.department.id });
  const c = await yd.connect(alice, { pool: pool.id, protocol: 'rdp' });
  const { wire, granted } = await rdpOpen(yd.port, c.ticket);
  assert.ok(granted && await echo(wire), 'the desktop of what was installed answers');
  wire.close();
});

test('what nobody installed is not finished by mistake, and is discarded with all it had', { timeout: 120000 }, async () => {
  const iso = path.join(yd.home, 'tiny.iso');
  await ctl('media', 'upload', iso, '--name', 'again.iso');
  await ctl('template', 'create', 'empty', '--iso', 'again.iso', '--os', 'windows-old', '--disk', '1G', '--memory', '256M', '--cpus', '1');
  const id = (await template('empty')).workbench_id;
  const xml = await virsh('dumpxml', `yd-${id}`);
  assert.match(xml, /<target dev='sda' bus='sata'/, 'no virtio for a system that has no drivers for it');
  assert.match(xml, /<model type='e1000e'\/>/);
  await yd.job(await yd.api('POST', `/desktops/${id}/power-off`));
  if (!(await yd.api('GET', `/desktops/${id}`)).agent_seen) await refused(/agent .* never answered/, 'template', 'finish', 'empty');
  await ctl('template', 'discard', 'empty', '--yes');
  assert.equal(await template('empty'), undefined);
  assert.ok(!fs.existsSync(path.join(yd.state, 'images', `${id}.qcow2`)));
  await ctl('media', 'delete', 'again.iso', '--yes');
});
