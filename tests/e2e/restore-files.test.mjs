// SPDX-License-Identifier: Apache-2.0
// One file out of a restore point: a person deletes it, an administrator finds it in the point, takes it out, and has it put
// back into the desktop, which runs on all the while. Nobody else may.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest as exec } from '../lib/guest.mjs';
import { Product } from '../lib/product.mjs';

let yd;
let alice;
let mona;
let desktop;
let point;

const inGuest = async (command) => (await exec(desktop.id, command)).trim();

before(async () => {
  yd = await Product.start();
  const office = await yd.office({ personal_disk_gib: 1 });
  alice = await yd.person('alice', { department: office.department.id });
  mona = await yd.person('mona', { role: 'manager' });
  await yd.api('POST', `/departments/${office.department.id}/managers`, { body: { user_id: mona.id } });
  await yd.job(await yd.api('POST', `/pools/${office.pool.id}/handout`, { body: { user_ids: [alice.id] } }));
  [desktop] = (await yd.api('GET', `/desktops?user_id=${alice.id}`)).items;
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/start`));
});
after(() => yd?.stop());

const files = (where, token) => yd.request('GET', `/api/v1/restore-points/${point.id}/files?disk=personal&path=${encodeURIComponent(where)}`, { token: token ?? yd.admin.token });

test('a file that was deleted is found in the point of a running desktop', { timeout: 120000 }, async () => {
  await inGuest('cd ~alice && mkdir Work && seq 1 200000 >Work/report.odt && chmod 600 Work/report.odt && ln -s /etc/passwd link && chown -R alice: Work && sync');
  await yd.done('restore-point', 'make', desktop.name);
  [point] = (await yd.api('GET', `/restore-points?desktop_id=${desktop.id}`)).items;
  assert.equal(point.state, 'ready');
  await inGuest('(while :; do date +%s%N >>/run/alive; sleep 0.2; done) >/dev/null 2>&1 & cat /proc/sys/kernel/random/boot_id >/run/boot; rm ~alice/Work/report.odt; echo other >~alice/Work/new; sync');
  const root = (await files('/')).body.items;
  assert.deepEqual(root.filter(({ name }) => ['Work', 'link'].includes(name)).map(({ name, kind }) => [name, kind]), [['Work', 'directory'], ['link', 'link']]);
  const work = (await files('/Work')).body;
  assert.deepEqual(work.items.map(({ name, bytes }) => [name, bytes]), [['report.odt', 1288895]], 'as it was then');
  assert.equal(work.next, null);
  assert.match(await yd.done('restore-point', 'files', point.id, '/Work'), /report\.odt/);
});

test('its bytes are taken out as they were', { timeout: 60000 }, async () => {
  const out = path.join(yd.home, 'report.odt');
  await yd.done('restore-point', 'get', point.id, '/Work/report.odt', '--output', out);
  assert.equal(fs.readFileSync(out, 'utf8'), `${Array.from({ length: 200000 }, (_, i) => i + 1).join('\n')}\n`);
  await yd.refused(/no '\/home\/Work\/none'/, 'restore-point', 'get', point.id, '/Work/none', '--output', out);
  await yd.refused(/no regular file/, 'restore-point', 'get', point.id, '/link', '--output', out);
  await yd.refused(/"\.\."/, 'restore-point', 'get', point.id, '/../etc/passwd', '--output', out);
});

test('it is put back beside where it was, and overwrites nothing', { timeout: 120000 }, async () => {
  await yd.done('restore-point', 'give-back', point.id, '/Work/report.odt');
  const job = await yd.job(await yd.api('POST', `/restore-points/${point.id}/give-back`, { body: { disk: 'personal', path: '/Work/report.odt' } }));
  assert.match(job.result.path, /^Work\/report \(\d{4}-\d\d-\d\d \d\d\.\d\d\) 2\.odt$/);
  const sums = (await inGuest('cd ~alice/Work && ls && seq 1 200000 | sha256sum && sha256sum <"$(ls | head -n 2 | tail -n 1)" && stat -c "%U %a" report*')).split('\n');
  assert.equal(sums[0], 'new');
  assert.equal(sums[3], sums[4], 'the content');
  assert.deepEqual(sums.slice(5), ['alice 600', 'alice 600']);
  assert.equal(await inGuest('ls /var/lib/yundesk/give-back'), '', 'nothing is left behind');
});

test('the desktop was never disturbed', { timeout: 60000 }, async () => {
  assert.equal(await inGuest('cmp /run/boot /proc/sys/kernel/random/boot_id && echo same'), 'same');
  const before_ = Number(await inGuest('wc -l </run/alive'));
  await yd.wait('the guest goes on', async () => Number(await inGuest('wc -l </run/alive')) > before_, 30);
  assert.match(await inGuest('dmesg | grep -ci "i/o error\\|ext4-fs error" || true'), /^0$/);
});

test('nobody but an administrator looks into it, and each look is written down', { timeout: 60000 }, async () => {
  for (const { token } of [alice, mona]) {
    assert.equal((await files('/', token)).status, 403);
    const base = `/api/v1/restore-points/${point.id}`;
    assert.equal((await yd.request('GET', `${base}/file?disk=personal&path=/Work/report.odt`, { token })).status, 403);
    assert.equal((await yd.request('POST', `${base}/give-back`, { token, body: { disk: 'personal', path: '/Work/report.odt' } })).status, 403);
  }
  const rows = (await yd.api('GET', '/audit?limit=100')).items;
  for (const act of ['restore-point.list', 'restore-point.get', 'restore-point.give-back']) {
    const row = rows.find((one) => one.act === act && JSON.stringify(one.details).includes('/Work'));
    assert.ok(row, act);
  }
});

test('a desktop that is off gets nothing, and its point can still be read', { timeout: 60000 }, async () => {
  await yd.job(await yd.api('POST', `/desktops/${desktop.id}/shutdown`));
  assert.equal((await files('/Work')).status, 200);
  await yd.refused(/not running/, 'restore-point', 'give-back', point.id, '/Work/report.odt');
});
