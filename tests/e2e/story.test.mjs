// SPDX-License-Identifier: Apache-2.0
// The whole path by deskctl, on a real (small) machine: an administrator makes network, template, pool and people; a person
// opens their desktop by RDP and by SPICE through the gate, and nobody gets in without a ticket.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Program, dir, ok, poll, virsh } from '../lib/process.mjs';
import { Product, guestImage, program } from '../lib/product.mjs';
import { Wire, echo, rdpOpen, spiceLink, spiceOpen } from '../lib/wire.mjs';
import { share, startScreen } from '../lib/screen.mjs';

let yd;
const alice = { username: 'alice' };
const bob = { username: 'bob' };

before(async () => { yd = await Product.start(); });
after(() => yd?.stop());

async function ctl(args, options) {
  const result = await yd.ctl(args, options);
  assert.equal(result.code, 0, `deskctl ${args.join(' ')}: exit ${result.code}\n${result.stderr}${result.stdout}`);
  return result.stdout;
}

// Gives a person made by deskctl a password of their own, as their first log-in does.
async function firstLogin(person, oneTime) {
  person.password = `Meadow-${person.username}-42-stone`;
  const folder = path.join(yd.home, 'ctl', person.username);
  fs.mkdirSync(folder, { recursive: true });
  await ok(program('deskctl'), ['login', yd.url, '--ca', yd.ca, '--username', person.username, '--password-stdin', '--new-password-stdin'],
    { env: { XDG_CONFIG_HOME: folder }, input: `${oneTime}\n${person.password}\n` });
}

test('an administrator sets up an office', async () => {
  const image = path.join(yd.uploads, 'tiny.qcow2');
  fs.copyFileSync(await guestImage('tiny'), image);
  await ctl(['network', 'add', 'office', '--cidr', '10.99.0.0/24']);
  await ctl(['template', 'import', 'tiny', image, '--on-server', '--os', 'linux', '--access', 'rdp']);
  const template = await yd.ctlJson(['template', 'show', 'tiny']);
  assert.equal((template[0] ?? template).newest, 1);
  await ctl(['pool', 'add', 'office', '--template', 'tiny', '--network', 'office', '--vcpus', '1', '--memory', '128M']);
  await ctl(['department', 'add', 'Office', '--number', 'D1']);
  await ctl(['pool', 'grant', 'office', '--department', 'Office']);
  for (const person of [alice, bob]) {
    const made = await yd.ctlJson(['user', 'add', person.username, '--department', 'Office']);
    assert.ok(made.one_time_password, 'a one-time password is shown');
    await firstLogin(person, made.one_time_password);
  }
});

test('the first connect derives and starts a desktop, and RDP answers through the gate', async () => {
  alice.rdp = await yd.ctlJson(['desktop', 'connect', 'office', '--rdp'], { as: alice });
  assert.equal(alice.rdp.state, 'ready');
  assert.match(alice.rdp.ticket, /^[A-Za-z0-9_-]{20,}$/);
  assert.equal(alice.rdp.port, yd.port);
  const { wire, confirm, granted } = await rdpOpen(yd.port, alice.rdp.ticket);
  assert.ok(granted, `X.224 confirm with RDP_NEG_RSP, not ${confirm.toString('hex')}`);
  assert.ok(await echo(wire, 300000), 'bytes go to the guest and back unchanged');
  wire.close();
  const machines = (await virsh('list', '--name')).trim().split('\n').filter((name) => name.startsWith('yd-'));
  assert.equal(machines.length, 1, 'exactly one machine runs');
});

test('the guest has the account of the person, with the uid of the store', async () => {
  const [machine] = (await virsh('list', '--name')).trim().split('\n');
  const agent = async (command) => JSON.parse(await virsh('qemu-agent-command', machine, JSON.stringify(command))).return;
  const { pid } = await agent({ execute: 'guest-exec', arguments: { path: '/bin/cat', arg: ['/etc/passwd'], 'capture-output': true } });
  const status = await poll('cat ends', async () => {
    const it = await agent({ execute: 'guest-exec-status', arguments: { pid } });
    return it.exited && it;
  });
  const line = Buffer.from(status['out-data'], 'base64').toString().split('\n').find((it) => it.startsWith('alice:'));
  const user = await yd.ctlJson(['user', 'show', 'alice']);
  assert.equal(Number(line.split(':')[2]), (user[0] ?? user).uid);
});

test('a ticket may be used again while its session lives, but not a made-up one', async () => {
  const again = await rdpOpen(yd.port, alice.rdp.ticket);
  assert.ok(again.granted, 'a reconnect within the grace time');
  again.wire.close();
  for (const ticket of ['A'.repeat(43), 'x', '']) {
    const { granted, wire } = await rdpOpen(yd.port, ticket);
    assert.equal(granted, false, `ticket "${ticket}"`);
    await wire.end(15);
  }
  const none = await rdpOpen(yd.port, null);
  assert.equal(none.granted, false, 'no ticket at all');
  none.wire.close();
});

test('bare SPICE and unknown protocols are closed', async () => {
  for (const bytes of [spiceLink(), Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 1, 2, 3, 4, 5, 6, 7])]) {
    const wire = await Wire.open(yd.port);
    wire.send(bytes);
    await wire.end(20);
    assert.equal(wire.buffer.includes('REDQ'), false);
    wire.close();
  }
});

test('SPICE comes through the gate inside and outside of TLS, and only with a ticket', async () => {
  const spice = await yd.ctlJson(['desktop', 'connect', 'office', '--spice'], { as: alice });
  assert.equal(spice.state, 'ready');
  for (const options of [{}, { ca: fs.readFileSync(yd.ca) }]) {
    const { wire, status, granted } = await spiceOpen(yd.port, spice.ticket, options);
    assert.equal(status, 200);
    assert.ok(granted, 'QEMU answers the link message');
    wire.close();
  }
  const forged = await spiceOpen(yd.port, 'B'.repeat(43));
  assert.notEqual(forged.status, 200);
  forged.wire.close();
});

test('remote-viewer shows the console of the desktop', async () => {
  // remote-viewer trusts the gate's certificate as a browser would: by the system's CAs.
  fs.appendFileSync('/etc/ssl/certs/ca-certificates.crt', fs.readFileSync(yd.ca)); // the laboratory's own /etc
  const screen = await startScreen();
  const file = path.join(dir, 'alice.vv');
  await ctl(['desktop', 'connect', 'office', '--spice', '--out', file], { as: alice });
  assert.equal(fs.statSync(file).mode & 0o077, 0, 'the file holds a password: only its owner reads it');
  const viewer = new Program('remote-viewer', 'remote-viewer', [file], { env: screen.env });
  try {
    // The guest's text console is blue; it must fill a good part of the screen.
    await poll('the blue console is on the screen', async () => {
      const png = await screen.shot('story-spice');
      return await share(png, '#0000aa') > 0.25;
    }, { seconds: 90, every: 1000 });
  } finally {
    await viewer.stop();
    await screen.stop();
  }
});

test('disconnecting ends a live session at once', async () => {
  const connection = await yd.ctlJson(['desktop', 'connect', 'office', '--rdp'], { as: alice });
  const { wire, granted } = await rdpOpen(yd.port, connection.ticket);
  assert.ok(granted && await echo(wire));
  const sessions = await poll('the session is listed', async () => {
    const list = await yd.ctlJson(['session', 'list']);
    const items = (list.items ?? list).filter((it) => it.id === connection.id && it.state === 'open');
    return items.length && items;
  });
  const began = Date.now();
  await ctl(['session', 'disconnect', sessions[0].id, '--yes']);
  await wire.end(10);
  assert.ok(Date.now() - began < 5000, `cut after ${Date.now() - began} ms`);
  const later = await rdpOpen(yd.port, connection.ticket);
  assert.equal(later.granted, false, 'the ticket of an ended session opens nothing');
  later.wire.close();
});

test('bob gets a desktop of his own and cannot touch the one of alice', async () => {
  const all = await yd.ctlJson(['desktop', 'list']);
  const hers = (all.items ?? all).find((it) => it.username === 'alice');
  const denied = await yd.ctl(['desktop', 'connect', hers.id, '--rdp'], { as: bob });
  assert.notEqual(denied.code, 0);
  const his = await yd.ctlJson(['desktop', 'connect', 'office', '--rdp'], { as: bob });
  assert.equal(his.state, 'ready');
  const { wire, granted } = await rdpOpen(yd.port, his.ticket);
  assert.ok(granted && await echo(wire));
  wire.close();
});

test('deleting desktops leaves no machine, disk or address behind', async () => {
  const all = await yd.ctlJson(['desktop', 'list']);
  await ctl(['desktop', 'delete', ...(all.items ?? all).map((it) => it.id), '--yes']);
  assert.equal((await virsh('list', '--all', '--name')).trim(), '');
  const overlays = fs.readdirSync(path.join(yd.state, 'images')).filter((name) => name.startsWith('dsk-'));
  assert.deepEqual(overlays, []);
  const network = await yd.ctlJson(['network', 'show', 'office']);
  assert.equal((network[0] ?? network).addresses_used, 0);
  assert.deepEqual((await yd.api('GET', '/connections?state=open')).items, []);
});
