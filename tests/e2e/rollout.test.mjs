// SPDX-License-Identifier: Apache-2.0
// needs: web console
// A new version comes to a pool's desktops with real machines: a broken one is found by a throw-away desktop and nobody
// notices; a good one moves who is off, is tried, and waits for who works; going back brings the old system disk as it was.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest as exec } from '../lib/guest.mjs';
import { ok, poll } from '../lib/process.mjs';
import { Product, guestImage } from '../lib/product.mjs';
import { rdpOpen, echo } from '../lib/wire.mjs';
import { Browser, axe, picture } from '../lib/browser.mjs';

const MIB = 1024 * 1024;
const MARK = 'what-bert-wrote';
let yd;
let office;
let browser;
let open; // alice's connection; nothing may disturb it
let bytes; // of the template's disk
const people = {};
const desktops = {};

const ctl = (...args) => yd.done(...args);
const refused = (...args) => yd.refused(...args);
const desktop = (name) => yd.api('GET', `/desktops/${desktops[name]}`);
const rollout = async () => (await yd.api('GET', `/rollouts?pool_id=${office.pool.id}&sort=-created&limit=1`)).items[0];
const rows = async () => (await yd.api('GET', `/rollouts/${(await rollout()).id}/desktops`)).items;
const power = async (name, verb) => yd.job(await yd.api('POST', `/desktops/${desktops[name]}/${verb}`));
const until = (state, seconds = 300) => poll(`the roll-out is ${state}`, async () => {
  const now = await rollout();
  if (now.state !== state) assert.ok(['checking', 'staged', 'rolling', 'going-back'].includes(now.state), `${now.state}: ${now.reason}`);
  return now.state === state && now;
}, { seconds });

const inGuest = (name, command) => exec(desktops[name], command);
// The small guest runs in memory; what a person stores stands on its disk, behind the system.
const read = (name, offset) => inGuest(name, `dd if=/dev/vda bs=512 skip=${offset / 512} count=1 2>/dev/null | tr -d '\\000'`);
const PERSONS = 900 * MIB;

// The small guest again, one MiB larger, with a text there; broken: its boot code is gone.
async function version(name, broken) {
  const file = path.join(yd.uploads, `${name}.qcow2`);
  const text = path.join(yd.home, `${name}.txt`);
  fs.copyFileSync(await guestImage('tiny'), file);
  fs.writeFileSync(text, name.padEnd(512, '\0'));
  await ok('qemu-img', ['resize', '-q', file, `${bytes + MIB}`]);
  const commands = ['-c', `write -q -s ${text} ${bytes} 512`, ...(broken ? ['-c', 'write -q -P 0 0 440'] : [])];
  await ok('qemu-io', ['-f', 'qcow2', ...commands, file]);
  await ctl('template', 'import', 'tiny', file, '--notes', name);
}

const undisturbed = async () => {
  assert.ok(await echo(open), 'alice works on');
  assert.equal((await desktop('alice')).state, 'ready');
};

before(async () => {
  yd = await Product.start();
  office = await yd.office({ disk: 2 }); // room behind the system
  bytes = JSON.parse(await ok('qemu-img', ['info', '--output=json', await guestImage('tiny')]))['virtual-size'];
  for (const name of ['alice', 'bert', 'carl']) people[name] = await yd.person(name, { department: office.department.id });
  const c = await yd.connect(people.alice, { pool: office.pool.id });
  const { wire, granted } = await rdpOpen(yd.port, c.ticket);
  assert.ok(granted);
  open = wire;
  await yd.job(await yd.api('POST', `/pools/${office.pool.id}/handout`, { body: { user_ids: [people.bert.id, people.carl.id] } }));
  for (const one of (await yd.api('GET', '/desktops')).items) desktops[one.username] = one.id;
  await power('bert', 'start');
  await inGuest('bert', `printf %s ${MARK} | dd of=/dev/vda bs=512 seek=${PERSONS / 512} conv=sync,notrunc 2>/dev/null && sync`);
  await power('bert', 'shutdown');
  browser = await Browser.start(yd);
});
after(async () => {
  try {
    open?.socket.destroy();
    await browser?.stop();
  } finally {
    await yd?.stop();
  }
});

test('a version that does not boot is found before anybody gets it', { timeout: 400000 }, async () => {
  await version('broken', true);
  await refused(/system disks of 3 desktops/, 'rollout', 'start', 'office', '--user', 'bert');
  await refused(/1% to 100%/, 'rollout', 'start', 'office', '--share', '200%');
  await ctl('rollout', 'start', 'office', '--user', 'bert', '--seconds', '15', '--replace-system-disks');
  await refused(/under way/, 'rollout', 'start', 'office', '--replace-system-disks');
  const end = await until('rolled-back');
  assert.match(end.reason, /throw-away desktop .*agent/);
  assert.equal(end.moved, 0);
  for (const name of Object.keys(desktops)) assert.equal((await desktop(name)).template_version_id, office.version.id);
  assert.equal((await yd.api('GET', '/desktops')).total ?? (await yd.api('GET', '/desktops')).items.length, 3, 'the throw-away desktop is gone');
  assert.match(await ctl('rollout', 'list'), /office .*rolled-back/);
  await undisturbed();
});

test('a good one: the first group, then the rest; who works is not disturbed, and deskd may be killed', { timeout: 600000 }, async () => {
  await version('repaired', false);
  const page = await browser.as(yd.admin, { where: '/rollouts' });
  process.env.YD_JOB_STOP = 'rollout:first';
  await yd.kill('deskd');
  await yd.startAll();
  delete process.env.YD_JOB_STOP;
  await ctl('rollout', 'start', 'office', '--user', 'bert', '--seconds', '300', '--keep-hours', '1', '--replace-system-disks');
  await poll('deskd is gone', () => !yd.programs.deskd.alive, { seconds: 300 });
  await yd.startAll();
  const moving = await until('rolling');
  const gate = Object.fromEntries(moving.gate.checks.map((it) => [it.check, it]));
  for (const check of ['boot', 'agent', 'access']) assert.equal(gate[check].ok, true, check);
  assert.equal(gate.session.ok, null);
  assert.match(gate.session.message, /not possible here/);
  const now = await poll('bert and carl have moved', async () => {
    const all = await rows();
    return all.filter((row) => row.state !== 'waiting').length === 2 && all;
  }, { seconds: 180 });
  const state = Object.fromEntries(now.map((row) => [row.username, row.state]));
  assert.deepEqual(state, { alice: 'waiting', bert: 'healthy', carl: 'moved' });
  await poll('bert’s desktop is off again', async () => (await desktop('bert')).state === 'off', { seconds: 180 });

  const [own] = (await yd.api('GET', '/me/desktops', { token: people.alice.token })).items;
  assert.equal(own.desktop.target_version_id, moving.to_version_id, 'alice is told');
  await undisturbed();

  // The console shows it as it happens.
  await page.getByRole('row').filter({ hasText: 'rolling out' }).getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Progress and desktops', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('2 of 3 desktops have moved').first().waitFor();
  await dialog.getByText('in use: moves at its next start').waitFor();
  await picture(page, 'rollout');
  await axe(page, 'a roll-out');
  const portal = await browser.as(people.alice);
  await portal.getByText('An update will be installed at the next start').waitFor();
  await picture(portal, 'portal-update');
  await undisturbed();

  // Alice goes home; the last one moves, and the open page says so by itself.
  await power('alice', 'shutdown');
  await until('done');
  await dialog.getByText('3 of 3 desktops have moved').first().waitFor();
  await power('bert', 'start');
  assert.equal(await read('bert', bytes), 'repaired');
  assert.equal(await read('bert', PERSONS), '', 'a new system disk');
  await power('bert', 'shutdown');
});

test('going back brings the old system disk as it was', { timeout: 400000 }, async () => {
  const disk = () => fs.readdirSync(path.join(yd.state, 'images')).filter((name) => name.startsWith('dsk-')).length;
  assert.equal(disk(), 6, 'each desktop has its old disk, too');
  await refused(/part of a roll-out|used by/, 'template', 'delete-version', 'tiny:1', '--yes');
  await ctl('rollout', 'back', 'office', '--yes');
  const end = await until('rolled-back');
  assert.equal(end.moved, 0);
  for (const name of Object.keys(desktops)) assert.equal((await desktop(name)).template_version_id, office.version.id);
  await poll('the new disks are gone', () => disk() === 3, { seconds: 30 });
  await power('bert', 'start');
  assert.equal(await read('bert', PERSONS), MARK);
  assert.equal((await yd.api('GET', `/pools/${office.pool.id}`)).template_version_id, office.version.id);
});
