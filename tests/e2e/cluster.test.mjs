// SPDX-License-Identifier: Apache-2.0
// Several hosts: they are added, desktops are placed on all of them, and people reach a desktop of another host by way of
// this one's gate, and at that host's gate itself.

import test, { after, afterEach, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Product } from '../lib/product.mjs';
import { HERE, Hosts } from '../lib/hosts.mjs';
import { Invariants } from '../lib/invariants.mjs';
import { Program, poll } from '../lib/process.mjs';
import { Wire, echo, rdpOpen, spiceOpen } from '../lib/wire.mjs';

let yd;
let hosts;
let office;
let invariants;
const person = {}; // by the name of the host where their desktop is
const desktop = {};

before(async () => {
  yd = await Product.start();
  hosts = await Hosts.start(yd, { count: 2 });
  office = await yd.office();
  invariants = new Invariants(yd, hosts);
});

afterEach((t) => invariants.check(`after "${t.name}"`));

after(async () => {
  await hosts?.stop();
  await yd?.stop();
});

const hostRecords = async () => (await yd.api('GET', '/hosts?limit=100')).items;
const setState = async (host, state) => yd.api('PATCH', `/hosts/${host.id}`, { body: { state } });

// A ticket of the person for their desktop, to be used from that address.
async function ticket(who, protocol, address) {
  return poll(`a ${protocol} connection is ready`, async () => {
    const answer = await yd.api('POST', `/pools/${office.pool.id}/connections`, { token: who.token, body: { protocol, address } });
    if (answer.state === 'ready') return answer;
    await yd.job(answer, { token: who.token });
    return null;
  }, { seconds: 240 });
}

test('two hosts are added, and each shows what it has', async () => {
  for (const host of hosts) {
    const record = await host.add();
    assert.ok(record.cpus > 0 && record.memory_mib > 0, JSON.stringify(record));
    assert.equal(record.accel, 'tcg');
  }
  assert.deepEqual((await hostRecords()).map((host) => host.name).sort(), ['host1', 'host2', 'local']);
});

test('each host gets a desktop, while the others take none', async () => {
  const records = await hostRecords();
  for (const record of records) {
    for (const other of records) await setState(other, other.id === record.id ? 'up' : 'maintenance');
    await poll('it is up', async () => (await hostRecords()).find((one) => one.id === record.id).state === 'up');
    const who = await yd.person(`at-${record.name}`, { department: office.department.id });
    await ticket(who, 'rdp', '127.0.0.1');
    person[record.name] = who;
    [desktop[record.name]] = (await yd.api('GET', `/desktops?user_id=${who.id}`)).items;
    assert.equal(desktop[record.name].host_name, record.name);
  }
  for (const record of records) await setState(record, 'up');
  for (const host of hosts) assert.match(await host.virsh('list', '--name'), new RegExp(`^yd-${desktop[host.name].id}$`, 'm'));
});

// The ways to a desktop: the gate's address, and the client's.
const ways = (host) => [['this gate', { host: '127.0.0.1', port: yd.port, localAddress: '127.0.0.1' }],
  ['its own gate', { host: host.address, port: host.gate.port, localAddress: HERE }]];

test('RDP reaches a desktop of another host through this gate, and at its own', async () => {
  for (const host of hosts) {
    for (const [name, way] of ways(host)) {
      const answer = await ticket(person[host.name], 'rdp', way.localAddress);
      const { wire, granted } = await rdpOpen(way.port, answer.ticket, way);
      assert.ok(granted && await echo(wire), `${host.name} by ${name}`);
      wire.close();
    }
  }
});

test('SPICE and the console do, too, and the picture comes', async () => {
  const [host] = hosts;
  for (const [name, way] of ways(host)) {
    const spice = await ticket(person[host.name], 'spice', way.localAddress);
    const opened = await spiceOpen(way.port, spice.ticket, way);
    assert.ok(opened.granted, `SPICE by ${name}: status ${opened.status}`);
    opened.wire.close();
    const screen = await yd.api('POST', `/desktops/${desktop[host.name].id}/connections`, { body: { protocol: 'console', address: way.localAddress } });
    const wire = await Wire.open(way.port, { ...way, ca: fs.readFileSync(yd.ca) });
    wire.send(`GET /connect/console?ticket=${screen.ticket} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
      + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n');
    const bytes = await wire.until((buffer) => buffer.includes('RFB 003.'), 60);
    assert.match(bytes.toString('latin1'), /^HTTP\/1\.1 101 [^]*RFB 003\.008\n/, name);
    wire.close();
  }
  const picture = await yd.request('GET', `/api/v1/desktops/${desktop[host.name].id}/screenshot`, { token: yd.admin.token });
  assert.equal(picture.status, 200);
});

test('deskctl tells what would be moved to use hosts alike, and that there is nothing to move', async () => {
  assert.match(await yd.done('host', 'balance', '--spread', '100'), /the fullest and the emptiest host are \d+ % apart, and would be \d+ %/);
  const plan = await yd.ctlJson(['host', 'balance', '--spread', '100']);
  assert.deepEqual(plan.hosts.map((host) => host.host_name).sort(), ['host1', 'host2', 'local']);
  assert.deepEqual(plan.moves, []);
  await yd.refused(/there is nothing to move/, 'host', 'balance', '--apply', '--spread', '100');
  await yd.refused(/spread.*1 to 100/, 'host', 'balance', '--spread', '101');
});

test('what is checked after each test sees two machines that write one disk, and that nobody knows them', async () => {
  const [one] = hosts;
  const disk = `${yd.home}/doubled`;
  fs.writeFileSync(disk, Buffer.alloc(1 << 20));
  const qemu = ['qemu-system-x86_64', '-accel', 'tcg', '-m', '16', '-nodefaults', '-display', 'none', '-S', '-name', 'guest=yd-nobody',
    '-drive', `id=disk,if=none,format=raw,file.locking=off,file=${disk}`, '-device', 'virtio-blk-pci,drive=disk,share-rw=on'];
  const programs = [new Program('doubled-local', qemu[0], qemu.slice(1)), new Program('doubled-host1', 'nsenter', ['-t', String(one.pid), '-a', ...qemu])];
  const writers = () => invariants.processes().filter((it) => it.disks.some((open) => open.path === disk));
  try {
    await poll('both have it open', () => writers().length === 2, { seconds: 20 });
    const told = /doubled is open for writing by 2 processes: yd-nobody on (local|host1) \(process \d+\) and yd-nobody on (local|host1)/;
    await assert.rejects(invariants.check('with two writers'), (error) => told.test(error.message)
      && ['local', 'host1'].every((host) => error.message.includes(`yd-nobody runs on ${host} and is no desktop's`)) && /yd-nobody runs 2 times/.test(error.message));
    await assert.rejects(invariants.disks('with two writers'), told);
  } finally {
    for (const it of writers()) process.kill(it.pid, 'SIGKILL');
    for (const it of programs) await it.kill();
  }
  await invariants.check('with none');
});
