// SPDX-License-Identifier: Apache-2.0
// Each desktop has a name of its own in the DNS and a certificate of the product's CA for it in the guest: RDP clients verify
// the way to the end, through the gate. The small guest speaks no TLS, so what comes to its port 3389 is answered here,
// with key and certificate as they are in the guest.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { shellOf } from '../lib/guest.mjs';
import { dir, ok, poll, run } from '../lib/process.mjs';
import { Product, program } from '../lib/product.mjs';
import { startScreen } from '../lib/screen.mjs';
import { rdpOpen } from '../lib/wire.mjs';

const HERE = '10.99.0.1'; // of the guests' network
const CONFIRM = Buffer.from('030000130ed000001234000200080001000000', 'hex'); // X.224: TLS it is (MS-RDPBCGR 2.2.1.2)
let yd;
let office;
let alice;
let screen;
let desktop;
let server;
const said = []; // what clients said inside TLS, in the order in which they came

before(async () => {
  yd = await Product.start({ config: { deskd: { desktop_domain: 'desks.test' } } });
  screen = await startScreen();
  office = await yd.office();
  alice = await yd.person('alice', { department: office.department.id });
});
after(async () => {
  server?.close();
  await screen?.stop();
  await yd?.stop();
});

// The laboratory's /etc is its own.
function knownNames(...names) {
  const rest = fs.readFileSync('/etc/hosts', 'utf8').split('\n').filter((line) => line && !line.includes('desks.test'));
  fs.writeFileSync('/etc/hosts', `${[...rest, ...(names.length ? [`127.0.0.1 ${names.join(' ')}`] : [])].join('\n')}\n`);
}

const inGuest = (script) => shellOf(`yd-${desktop.id}`, script);

// An RDP server up to TLS.
async function serve(key, cert) {
  server?.close();
  server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(CONFIRM);
      const inside = new tls.TLSSocket(socket, { isServer: true, key, cert });
      const heard = { text: '' };
      said.push(heard);
      inside.on('error', () => {});
      inside.on('data', (bytes) => { heard.text += bytes.toString('latin1'); });
    });
  });
  await new Promise((resolve) => { server.listen(3390, HERE, resolve); });
}

const serveAsGuest = async () => serve(await inGuest('cat /etc/xrdp/key.pem'), await inGuest('cat /etc/xrdp/cert.pem'));
const ask = () => yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });

// TLS through the gate as a client does it that looks for that name: 'ok', or why not.
async function verify(name) {
  const { ticket } = await ask();
  const { wire, granted } = await rdpOpen(yd.port, ticket);
  assert.ok(granted);
  wire.socket.removeAllListeners('data');
  return new Promise((resolve) => {
    const secure = tls.connect({ socket: wire.socket, servername: name, ca: fs.readFileSync(yd.ca) });
    secure.once('secureConnect', () => { secure.destroy(); resolve('ok'); });
    secure.once('error', (error) => resolve(error.code));
  });
}

// xfreerdp with that file: whether it believed the server so far that it began to speak RDP.
async function xfreerdp(file, { ca = yd.ca } = {}) {
  const before = said.length;
  const it = await run('timeout', ['20', 'xfreerdp', file, '/u:alice', '/d:', '/from-stdin:force', '/cert:deny'],
    { env: { ...screen.env, SSL_CERT_FILE: ca, HOME: dir }, input: 'secret\n', seconds: 30 }).catch((error) => ({ code: -1, stdout: error.message, stderr: '' }));
  assert.ok(said.length > before, `it reached the server: ${it.stdout}${it.stderr}`);
  return { spoke: said.slice(before).some((heard) => heard.text.startsWith('\x03\x00')), text: it.stdout + it.stderr };
}

// What doctor finds before it makes a desktop; the rest is doctor.test.mjs's.
async function namesCheck() {
  const { id } = await yd.api('POST', '/doctor');
  const look = async () => (await yd.api('GET', `/jobs/${id}`));
  const found = await poll('doctor has looked at the names', async () => (await look()).result?.checks?.find((it) => it.check === 'names'));
  await yd.api('POST', `/jobs/${id}/cancel`);
  await poll('it has ended', async () => ['cancelled', 'failed', 'done'].includes((await look()).state), { seconds: 120 });
  return found;
}

test('without the record in the DNS doctor says what to do', async () => {
  const missing = await namesCheck();
  assert.equal(missing.ok, false);
  assert.match(missing.message, /yundesk-doctor\.desks\.test/);
  assert.match(missing.advice, /\*\.desks\.test.*127\.0\.0\.1/);
  knownNames('yundesk-doctor.desks.test', 'office-alice.desks.test', 'wrong.desks.test', 'renamed.desks.test');
  const good = await namesCheck();
  assert.equal(good.ok, true, JSON.stringify(good));
});

test('the desktop is dialled by its own name', async () => {
  const answer = await ask();
  desktop = await yd.api('GET', `/desktops/${answer.desktop_id}`);
  assert.deepEqual([answer.host, desktop.dns_name, desktop.certificate_name], Array(3).fill('office-alice.desks.test'));
  assert.match(answer.file.content, new RegExp(`^full address:s:office-alice\\.desks\\.test:${yd.port}\r$`, 'm'));
  assert.ok(Date.parse(desktop.certificate_expires) > Date.now() + 800 * 86400e3);
  const spice = await yd.connect(alice, { pool: office.pool.id, protocol: 'spice' });
  assert.equal(spice.host, '127.0.0.1', 'only RDP has a certificate of the guest');
  await ok('iptables', ['-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '-d', desktop.ip, '--dport', '3389', '-j', 'DNAT', '--to-destination', `${HERE}:3390`]);
  await serveAsGuest();
});

test('the CA can be had by anybody, and by deskctl', async () => {
  const open = await yd.request('GET', '/api/v1/ca');
  assert.deepEqual([open.status, open.text], [200, fs.readFileSync(yd.ca, 'utf8')]);
  const file = path.join(dir, 'from-deskctl.pem');
  assert.equal((await yd.ctl(['ca', '--out', file], { as: alice })).code, 0);
  assert.equal(fs.readFileSync(file, 'utf8'), open.text);
});

test('through the gate the guest’s certificate verifies by that name, and by no other', async () => {
  assert.equal(await verify('office-alice.desks.test'), 'ok');
  assert.equal(await verify('wrong.desks.test'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  assert.equal(await verify('localhost'), 'ERR_TLS_CERT_ALTNAME_INVALID', 'a guest cannot pass for the gate');
});

test('xfreerdp believes the name in the file, refuses a wrong one and another CA', async () => {
  const write = (name, change) => {
    const file = path.join(dir, name);
    return ask().then(({ file: { content } }) => { fs.writeFileSync(file, change(content)); return file; });
  };
  const good = await xfreerdp(await write('good.rdp', (content) => content));
  assert.ok(good.spoke, good.text);
  const wrong = await xfreerdp(await write('wrong.rdp', (content) => content.replaceAll('office-alice.desks.test', 'wrong.desks.test')));
  assert.ok(!wrong.spoke, wrong.text);
  await ok('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=other', '-days', '2',
    '-keyout', path.join(dir, 'other.key'), '-out', path.join(dir, 'other.pem')]);
  const foreign = await xfreerdp(await write('foreign.rdp', (content) => content), { ca: path.join(dir, 'other.pem') });
  assert.ok(!foreign.spoke, foreign.text);
});

test('deskctl has xfreerdp verify by the CA', async () => {
  await yd.ctl(['whoami'], { as: alice });
  const bin = path.join(dir, 'bin');
  const log = path.join(dir, 'xfreerdp.args');
  fs.mkdirSync(bin, { recursive: true });
  // The real one, and a note of how it was called.
  const real = (await ok('sh', ['-c', 'command -v xfreerdp'])).trim();
  fs.writeFileSync(path.join(bin, 'xfreerdp'), `#!/bin/sh\necho "$* ca=$(cat "$SSL_CERT_FILE")" >${log}\nexec timeout 20 ${real} "$@"\n`, { mode: 0o755 });
  const count = said.length;
  const ended = await run(program('deskctl'), ['desktop', 'connect', 'office', '--rdp', '--open'],
    { env: { ...screen.env, HOME: dir, PATH: `${bin}:${process.env.PATH}`, XDG_CONFIG_HOME: path.join(yd.home, 'ctl', 'alice') }, seconds: 60 });
  const called = fs.readFileSync(log, 'utf8');
  assert.match(called, / \/cert:deny /);
  assert.doesNotMatch(called, /fingerprint|ignore|tofu/);
  assert.ok(called.includes(fs.readFileSync(yd.ca, 'utf8').trim()));
  assert.ok(said.slice(count).some((heard) => heard.text.startsWith('\x03\x00')), `${ended.stdout}${ended.stderr}`);
  knownNames();
  const unknown = await yd.ctl(['desktop', 'connect', 'office', '--rdp', '--open'], { as: alice, env: { PATH: `${bin}:${process.env.PATH}` } });
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /office-alice\.desks\.test is not known here.*desktop_domain/s);
});

test('a renamed desktop gets its new name, and a certificate for it while it runs', async () => {
  const facts = 'hostname; cat /proc/sys/kernel/random/boot_id';
  const before = new X509Certificate(await inGuest('cat /etc/xrdp/cert.pem'));
  const same = await inGuest(facts);
  const old = await yd.api('GET', `/desktops/${desktop.id}`);
  await yd.api('PATCH', `/desktops/${desktop.id}`, { body: { name: 'renamed' }, headers: { 'If-Match': `"${old.version}"` } });
  const changed = await yd.api('GET', `/desktops/${desktop.id}`);
  assert.deepEqual([changed.dns_name, changed.certificate_name], ['renamed.desks.test', 'office-alice.desks.test']);
  const answer = await ask();
  assert.equal(answer.host, 'renamed.desks.test');
  const now = await yd.api('GET', `/desktops/${desktop.id}`);
  const made = new X509Certificate(await inGuest('cat /etc/xrdp/cert.pem'));
  assert.equal(now.certificate_name, 'renamed.desks.test');
  assert.equal(now.certificate, made.fingerprint256.replaceAll(':', '').toLowerCase());
  assert.notEqual(made.serialNumber, before.serialNumber);
  assert.equal(await inGuest(facts), same, 'only the certificate is new');
  await serveAsGuest();
  assert.equal(await verify('renamed.desks.test'), 'ok');
  assert.equal(await verify('office-alice.desks.test'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  await ask();
  assert.equal(new X509Certificate(await inGuest('cat /etc/xrdp/cert.pem')).serialNumber, made.serialNumber, 'not made anew without need');
});

test('no two desktops have the same name', async () => {
  const bob = await yd.person('bob', { department: office.department.id });
  const carol = await yd.person('carol', { department: office.department.id });
  const mine = async (person) => (await yd.api('GET', '/me/desktops', { token: person.token })).items[0].desktop.id;
  await yd.job(await yd.api('POST', `/pools/${office.pool.id}/handout`, { body: { user_ids: [bob.id, carol.id] } }));
  const names = [];
  for (const [person, name] of [[bob, 'two words'], [carol, 'Two-Words']]) {
    const id = await mine(person);
    const { version } = await yd.api('GET', `/desktops/${id}`);
    await yd.api('PATCH', `/desktops/${id}`, { body: { name }, headers: { 'If-Match': `"${version}"` } });
    names.push((await yd.api('GET', `/desktops/${id}`)).dns_name);
  }
  assert.notEqual(names[0], names[1]);
  for (const name of names) assert.match(name, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?\.desks\.test$/);
});

test('another domain counts from deskd’s next start; without one the gate is dialled as before', async () => {
  const restart = async (deskd) => {
    await yd.programs.deskd.stop();
    yd.configure({ ...yd.groups, deskd });
    yd.startProgram('deskd');
    yd.agent.destroy();
    await yd.ready();
    return (await yd.api('GET', `/desktops/${desktop.id}`)).dns_name;
  };
  const { desktop_domain: _, ...without } = yd.groups.deskd;
  assert.equal(await restart({ ...without, desktop_domain: 'vdi.test' }), 'renamed.vdi.test');
  assert.equal(await restart(without), null);
  const answer = await ask();
  assert.equal(answer.host, '127.0.0.1');
  const cert = new X509Certificate(await inGuest('cat /etc/xrdp/cert.pem'));
  assert.doesNotMatch(cert.subjectAltName, /\.test/);
});
