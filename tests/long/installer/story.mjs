// SPDX-License-Identifier: Apache-2.0
// Run by ../debian-installer in a laboratory: the real Debian installer in a workbench.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ok, poll, sleep } from '../../lib/process.mjs';
import { Product } from '../../lib/product.mjs';
import { share } from '../../lib/screen.mjs';

const BLUE = '#0000aa'; // newt's background behind the installer's dialogs
const GREY = '#aaaaaa'; // … and the dialogs
const files = process.env.YD_INSTALLER_FILES;
const mirror = new URL(process.env.YD_INSTALLER_MIRROR);
const record = process.env.YD_RECORD;
const begun = Date.now();
let yd;
let network;
let pictures = 0;

const seconds = () => Math.round((Date.now() - begun) / 1000);
const say = (text) => console.log(`# ${seconds()} s: ${text}`);

before(async () => {
  yd = await Product.start();
  network = await yd.make_('/networks', { name: 'work', cidr: '10.99.0.0/24', range_first: '10.99.0.10', range_last: '10.99.0.250' });
  // What comes to the network's gateway goes to the proxy outside of the laboratory.
  net.createServer((socket) => {
    const up = net.connect(process.env.YD_INSTALLER_PROXY);
    socket.pipe(up).pipe(socket);
    socket.on('error', () => up.destroy());
    up.on('error', () => socket.destroy());
  }).listen(3142, '0.0.0.0').unref();
});
after(() => yd?.stop());

const ctl = async (...args) => {
  const result = await yd.ctl(args, { seconds: 3600 });
  assert.equal(result.code, 0, `deskctl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};

// kernel and initrd of the installer on an ISO image; `preseed` goes into the initrd, where the installer looks for it.
async function iso(file, append, preseed) {
  const folder = fs.mkdtempSync(path.join(yd.home, 'iso-'));
  fs.writeFileSync(path.join(folder, 'preseed.cfg'), preseed ?? '');
  await ok('sh', ['-euc', `
    cd "$1"
    mkdir -p tree/isolinux
    cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 tree/isolinux/
    cp "$2/linux" tree/isolinux/linux
    if [ -s preseed.cfg ]; then echo preseed.cfg | cpio -o -H newc --quiet | gzip -1 >more.gz; else : >more.gz; fi
    cat "$2/initrd.gz" more.gz >tree/isolinux/initrd.gz
    printf '%s\\n' 'DEFAULT install' 'PROMPT 0' 'LABEL install' ' LINUX linux' ' INITRD initrd.gz' " APPEND $3" >tree/isolinux/isolinux.cfg
    xorriso -as mkisofs -quiet -V DEBIAN_INSTALLER -o "$4" -b isolinux/isolinux.bin -c isolinux/boot.cat \
      -no-emul-boot -boot-load-size 4 -boot-info-table tree`, 'sh', folder, files, append, file], { seconds: 120 });
  fs.rmSync(folder, { recursive: true });
}

// The machine's screen as a file; also into the record.
async function picture(id, name) {
  const answer = await yd.request('GET', `/api/v1/desktops/${id}/screenshot`, { token: yd.admin.token });
  assert.equal(answer.status, 200, answer.text.slice(0, 200));
  const file = path.join(yd.home, 'screen.png');
  fs.writeFileSync(file, answer.raw);
  if (record && name) {
    fs.mkdirSync(record, { recursive: true });
    fs.copyFileSync(file, path.join(record, `${String(pictures++).padStart(3, '0')}-${name}.png`));
  }
  return file;
}

const dialog = async (id) => {
  const file = await picture(id);
  return await share(file, BLUE) > 0.1 && await share(file, GREY) > 0.2;
};

const template = async (name) => (await yd.api('GET', `/templates?name=${name}`)).items[0];

// The id of the template's workbench, whichever way it is told.
const workbench = async (name) => (await yd.api('GET', `/desktops?template_id=${(await template(name)).id}`)).items.find((desktop) => !desktop.pool_id).id;

test('the installer on an ISO image shows its first screens, and takes keys', { timeout: 900000 }, async () => {
  const file = path.join(yd.home, 'debian.iso');
  await iso(file, 'vga=normal fb=false ---');
  await ctl('media', 'upload', file);
  const from = Date.now();
  await ctl('template', 'create', 'by-hand', '--iso', 'debian.iso', '--os', 'linux', '--disk', '4G', '--memory', '1G', '--cpus', '1', '--network', 'work', '--access', 'spice');
  const id = await workbench('by-hand');
  await poll('the choice of a language', () => dialog(id), { seconds: 600, every: 2000 });
  say(`the choice of a language is there ${Math.round((Date.now() - from) / 1000)} s after the order`);
  await sleep(2000);
  const first = fs.readFileSync(await picture(id, 'language'));
  await ok('virsh', ['send-key', `yd-${id}`, 'KEY_ENTER']);
  await poll('the next screen', async () => await dialog(id) && !fs.readFileSync(await picture(id)).equals(first), { seconds: 120, every: 1000 });
  await sleep(2000);
  await picture(id, 'location');
  await ctl('template', 'discard', 'by-hand', '--yes');
  await ctl('media', 'delete', 'debian.iso', '--yes');
});

test('an installation that answers itself becomes a template, and a desktop of it starts', { timeout: 3 * 3600000, skip: process.env.YD_INSTALLER === 'screens' ? 'only the first screens were asked for' : process.env.YD_INSTALLER_MISSING || false }, async () => {
  const preseed = fs.readFileSync(new URL('preseed.cfg', import.meta.url), 'utf8')
    .replace('@HOST@', mirror.host).replace('@DIRECTORY@', mirror.pathname.replace(/\/$/, ''))
    .replace('@PROXY@', `http://${network.gateway}:3142`);
  const file = path.join(yd.home, 'preseed.iso');
  await iso(file, 'auto=true priority=critical vga=normal fb=false preseed/file=/preseed.cfg ---', preseed);
  await ctl('media', 'upload', file);
  await ctl('template', 'create', 'debian', '--iso', 'preseed.iso', '--os', 'linux', '--disk', '4G', '--memory', '1G', '--cpus', '2', '--network', 'work', '--access', 'spice');
  const id = await workbench('debian');
  const desktop = () => yd.api('GET', `/desktops/${id}`);
  const disk = path.join(yd.state, 'images', `${id}.qcow2`);
  const from = Date.now();
  let told = 0;
  await poll('the installer has switched the machine off', async () => {
    const state = (await desktop()).state;
    if (Date.now() - told > 60000 && state === 'ready') {
      told = Date.now();
      say(`installing, ${Math.round(fs.statSync(disk).blocks / 2048)} MiB on the disk`);
      await picture(id, 'installing').catch(() => {});
    }
    return state === 'off';
  }, { seconds: 3 * 3600 - 1200, every: 2000 });
  say(`installed in ${Math.round((Date.now() - from) / 1000)} s, ${Math.round(fs.statSync(disk).blocks / 2048)} MiB on the disk`);

  await yd.job(await yd.api('POST', `/desktops/${id}/start`));
  await poll('the installed system runs: its agent answers', async () => (await desktop()).agent_seen, { seconds: 600, every: 1000 });
  await picture(id, 'installed');
  await yd.job(await yd.api('POST', `/desktops/${id}/shutdown`), { seconds: 300 });
  await ctl('template', 'finish', 'debian', '--notes', 'installed by the Debian installer');
  await poll('version 1 is ready', async () => (await template('debian')).newest === 1, { seconds: 900, every: 1000 });
  say('version 1 is ready');

  const version = (await yd.api('GET', `/templates/${(await template('debian')).id}/versions`)).items[0];
  const pool = await yd.api('POST', '/pools', { body: { name: 'debian', template_version_id: version.id, network_id: network.id, vcpus: 1, memory_mib: 768 } });
  const department = await yd.make_('/departments', { name: 'Office', number: 'D1' });
  await yd.api('POST', `/pools/${pool.id}/entitlements`, { body: { department_id: department.id } });
  const alice = await yd.person('alice', { department: department.id });
  const answer = await yd.connect(alice, { pool: pool.id, protocol: 'spice', seconds: 900 });
  assert.ok(answer.ticket);
  const mine = (await yd.api('GET', '/desktops')).items.find((one) => one.pool_id === pool.id);
  assert.equal(mine.state, 'ready');
  await picture(mine.id, 'desktop');
  say('a desktop of the pool is ready');
});
