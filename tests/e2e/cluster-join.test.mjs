// SPDX-License-Identifier: Apache-2.0
// A machine becomes a host: `deskd --add-host` makes a folder, its script looks whether the machine can be one and sets libvirt
// up, and the host is added by the URI that was told. Nobody gets in with a certificate of the desktops' CA.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Product, program } from '../lib/product.mjs';
import { HERE, Hosts } from '../lib/hosts.mjs';
import { ok, poll, run } from '../lib/process.mjs';

let yd;
let hosts;
let host;
let folder;
let uri;

before(async () => {
  yd = await Product.start();
  hosts = await Hosts.start(yd, { count: 1 });
  host = hosts.all[0];
  folder = path.join(yd.home, 'new-host');
});

after(async () => {
  await hosts?.stop();
  await yd?.stop();
});

const addHost = (...args) => run(program('deskd'), ['--config', yd.config, '--add-host', 'newcomer', ...args]);
const join = (...args) => host.run('sh', ['-c', `cd ${folder} && ./join ${args.join(' ')}`]);

test('what is needed is asked for', async () => {
  for (const [args, pattern] of [[[], /--out FOLDER/], [['--out', folder, '--manager', `${HERE}:${yd.port}`], /--address ADDRESS/],
    [['--out', folder, '--manager', `${HERE}:${yd.port}`, '--address', 'there'], /--address ADDRESS/],
    [['--out', folder, '--manager', 'a:1;rm', '--address', host.address], /not ADDRESS:PORT/]]) {
    const { code, stderr } = await addHost(...args);
    assert.notEqual(code, 0);
    assert.match(stderr, pattern);
  }
  assert.ok(!fs.existsSync(folder), 'a refusal leaves nothing');
});

test('the folder has certificates, configuration and the script, for nobody else to read', async () => {
  const { code, stdout, stderr } = await addHost('--out', folder, '--manager', `${HERE}:${yd.port}`, '--address', host.address);
  assert.equal(code, 0, stderr);
  uri = /--uri '([^']+)'/.exec(stdout)?.[1];
  assert.match(uri, /^qemu\+tls:\/\/10\.77\.0\.11\/system\?pkipath=/);
  assert.equal(fs.statSync(folder).mode & 0o077, 0, 'the folder itself');
  for (const file of ['pki/serverkey.pem', 'pki/clientkey.pem']) assert.equal(fs.statSync(path.join(folder, file)).mode & 0o077, 0, file);
});

test('a machine that cannot be the host is told why', async () => {
  const env = path.join(folder, 'host.env');
  const good = fs.readFileSync(env, 'utf8');
  for (const [from, to, pattern] of [[/ADDRESS=.*/, 'ADDRESS=192.0.2.9', /does not have the address 192\.0\.2\.9/],
    [/MANAGER=.*/, `MANAGER=${HERE}:1`, /does not answer/], [/IMAGES=.*/, 'IMAGES=/nowhere', /mount the shared folder/],
    [/CLUSTER=.*/, 'CLUSTER=cl-other', /is not the manager's folder of images/]]) {
    fs.writeFileSync(env, good.replace(from, to));
    const { code, stderr } = await join('--check');
    assert.equal(code, 1);
    assert.match(stderr, pattern);
  }
  fs.writeFileSync(env, good);
  const { code, stdout, stderr } = await join('--check');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /can be host newcomer/);
});

test('the script sets libvirt up, and the host is added', async () => {
  const conf = path.join(host.dir, 'etc/libvirtd.conf');
  fs.writeFileSync(conf, fs.readFileSync(conf, 'utf8').replace(/^(ca|cert|key)_file = .*\n/gm, '')); // as Debian has it
  await host.killLibvirtd();
  for (let time = 0; time < 2; time++) { // it may be repeated
    const { code, stdout, stderr } = await join();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /deskctl host add newcomer/);
  }
  assert.equal((fs.readFileSync(conf, 'utf8').match(/^auth_tls = "none"$/gm) ?? []).length, 1);
  assert.match(fs.readFileSync(path.join(host.dir, 'etc/qemu.conf'), 'utf8'), /^lock_manager = "lockd"$/m);
  await host.exec('virtlockd', ['-d']);
  await host.startLibvirtd();
  await yd.done('host', 'add', 'newcomer', '--uri', uri);
  await poll('it is up', async () => (await yd.api('GET', '/hosts?limit=100')).items.find((one) => one.name === 'newcomer')?.state === 'up');
});

test('a certificate of the desktops\' CA opens no libvirt', async () => {
  const keys = path.join(yd.state, 'keys');
  const pki = path.join(yd.home, 'thief');
  fs.mkdirSync(pki);
  // what is in a guest: a pair of the product's CA
  for (const [from, to] of [['link.pem', 'clientcert.pem'], ['link.key', 'clientkey.pem'], ['hosts/cacert.pem', 'cacert.pem']]) {
    fs.copyFileSync(path.join(keys, from), path.join(pki, to));
  }
  const thief = await run('virsh', ['-c', `qemu+tls://${host.address}/system?pkipath=${pki}`, 'list']);
  assert.notEqual(thief.code, 0, thief.stdout);
  assert.match(await ok('virsh', ['-c', uri, 'hostname']), /host1/);
});
