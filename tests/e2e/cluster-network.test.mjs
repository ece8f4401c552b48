// SPDX-License-Identifier: Apache-2.0
// One network over several hosts (VXLAN): guests on different hosts reach each other by their fixed addresses, each reaches its
// gateway at its own host, and a guest that speaks by another's address or MAC reaches nobody. What is broken on a host is
// put right and written down; a host that joins gets the network. In an isolated network desktops reach nobody but the host.

import test, { after, afterEach, before } from 'node:test';
import assert from 'node:assert/strict';
import { Product } from '../lib/product.mjs';
import { HERE, Hosts } from '../lib/hosts.mjs';
import { inGuest } from '../lib/guest.mjs';
import { Invariants } from '../lib/invariants.mjs';
import { ok, poll, run, virsh } from '../lib/process.mjs';
import { echo, rdpOpen } from '../lib/wire.mjs';

const VNI = 4711;
const DEVICE = `yv${VNI}`;

let yd;
let hosts;
let network;
let pool;
let version;
let invariants;
let people = 0;
const desks = {}; // by host: { host, desktop, person }

const api = (...args) => yd.api(...args);
const hostRecords = async () => (await api('GET', '/hosts?limit=100')).items;
const here = { name: 'local', virsh, exec: (command, args = [], options) => ok(command, args, options), run: (command, args = [], options) => run(command, args, options) };
const ping = (address, more = '') => `ping -c 2 -W 2 ${more} ${address}`;

// How the network is on each host: { NAME: row }.
async function states(id = network.id) {
  return Object.fromEntries((await api('GET', `/networks/${id}/hosts?limit=100`)).items.map((row) => [row.host_name, row]));
}

const allOk = (count, id) => poll(`the network is in order on ${count} hosts`, async () => {
  const rows = Object.values(await states(id));
  return rows.length === count && rows.every((row) => row.state === 'ok');
}, { seconds: 150 });

// Desktops are made while only that host takes any.
async function deskAt(host, department, from = pool) {
  const records = await hostRecords();
  for (const one of records) {
    const state = one.name === host.name ? 'up' : 'maintenance';
    if (one.state !== state) await api('PATCH', `/hosts/${one.id}`, { body: { state } });
  }
  await poll(`${host.name} is up`, async () => (await hostRecords()).find((one) => one.name === host.name).state === 'up');
  const person = await yd.person(`p${people += 1}-${host.name}`, { department: department.id });
  await yd.connect(person, { pool: from.id });
  const [desktop] = (await api('GET', `/desktops?user_id=${person.id}`)).items;
  assert.equal(desktop.host_name, host.name);
  return { host, person, desktop };
}

let department;

before(async () => {
  yd = await Product.start();
  hosts = await Hosts.start(yd, { count: 2 });
  const [one] = hosts;
  await one.add();
  const office = await yd.office();
  ({ department, version } = office);
  await yd.done('network', 'add', 'floor', '--cidr', '10.44.0.0/24', '--first', '10.44.0.10', '--last', '10.44.0.60', '--vni', String(VNI), '--wait');
  network = (await api('GET', '/networks?name=floor')).items[0];
  pool = await yd.make_('/pools', { name: 'floor', template_version_id: version.id, network_id: network.id, vcpus: 1, memory_mib: 128, disk_gib: 1 });
  await api('POST', `/pools/${pool.id}/entitlements`, { body: { department_id: department.id } });
  invariants = new Invariants(yd, hosts);
});

afterEach((t) => invariants.check(`after "${t.name}"`));

after(async () => {
  await hosts?.stop();
  await yd?.stop();
});

test('the network is made on every host, and on one that joins', async () => {
  await allOk(2);
  const [one, two] = hosts;
  assert.doesNotMatch(await here.exec('bridge', ['fdb', 'show', 'dev', DEVICE]), new RegExp(two.address));
  await two.add();
  await allOk(3);
  for (const [host, peers] of [[here, [one.address, two.address]], [one, [HERE, two.address]], [two, [HERE, one.address]]]) {
    await poll(`${host.name} knows its peers`, async () => { // of one that joined from the next look on
      const text = await host.exec('bridge', ['fdb', 'show', 'dev', DEVICE]);
      return peers.every((peer) => text.includes(`00:00:00:00:00:00 dst ${peer} `));
    }, { seconds: 120 });
    assert.match(await host.exec('ip', ['-4', 'addr', 'show', 'dev', network.bridge]), /10\.44\.0\.1\/24/, 'the same gateway everywhere');
  }
  const shown = await yd.done('network', 'hosts', 'floor');
  for (const name of ['local', 'host1', 'host2']) assert.match(shown, new RegExp(`${name} +ok`));
  await yd.refused(/taken by another/, 'network', 'add', 'other', '--cidr', '10.45.0.0/24', '--vni', String(VNI));
});

test('guests on different hosts reach each other and their gateway, and are reached by RDP', async () => {
  const [one, two] = hosts;
  for (const host of [one, two]) desks[host.name] = await deskAt(host, department);
  const begun = [desks.host1, desks.host2];
  const [a, b] = begun;
  assert.match(await inGuest(a.desktop.id, `ip addr; ${ping(b.desktop.ip)}`, one), new RegExp(`inet ${a.desktop.ip}/24[^]*from ${b.desktop.ip}`));
  assert.match(await inGuest(b.desktop.id, ping(a.desktop.ip), two), new RegExp(`from ${a.desktop.ip}`));
  for (const desk of begun) assert.match(await inGuest(desk.desktop.id, ping('10.44.0.1'), desk.host), /from 10\.44\.0\.1/);
  // Its own host answers for the gateway, though all have the address.
  for (const desk of begun) {
    const leases = await desk.host.virsh('net-dhcp-leases', 'yd-floor');
    assert.ok(leases.includes(desk.desktop.ip), 'and its own host gave it its address');
    assert.doesNotMatch(leases, new RegExp(begun.find((other) => other !== desk).desktop.ip));
  }
  for (const desk of begun) {
    const answer = await yd.connect(desk.person, { pool: pool.id });
    const { wire, granted } = await rdpOpen(yd.port, answer.ticket, { host: '127.0.0.1' });
    assert.ok(granted && await echo(wire));
    wire.close();
  }
});

test('a guest that takes another address or MAC reaches nobody', async () => {
  const { desktop, host } = desks.host1;
  const other = desks.host2.desktop.ip;
  const lost = async (script) => assert.match(await inGuest(desktop.id, script, host), /100% packet loss/);
  // An address that nobody has, beside its own: the packets leave with it.
  await lost(`ip addr add 10.44.0.200/24 dev eth0; ${ping(other, '-I 10.44.0.200')} || true; ip addr del 10.44.0.200/24 dev eth0`);
  await lost(`ip addr add 10.44.0.200/24 dev eth0; ${ping('10.44.0.1', '-I 10.44.0.200')} || true; ip addr del 10.44.0.200/24 dev eth0`);
  const own = desktop.mac;
  await lost(`ip link set eth0 down; ip link set eth0 address 52:54:0a:2c:00:c8; ip link set eth0 up; sleep 1; ${ping(other)} || true; `
    + `ip link set eth0 down; ip link set eth0 address ${own}; ip link set eth0 up`);
  assert.match(await inGuest(desktop.id, ping(other), host), new RegExp(`from ${other}`), 'as itself it does');
});

test('in an isolated network desktops reach the host, and not each other', async () => {
  const [one] = hosts;
  await yd.done('network', 'add', 'apart', '--cidr', '10.46.0.0/24', '--first', '10.46.0.10', '--last', '10.46.0.60', '--vni', '4712', '--isolated', '--wait');
  const apart = (await api('GET', '/networks?name=apart')).items[0];
  const alone = await yd.make_('/pools', { name: 'apart', template_version_id: version.id, network_id: apart.id, vcpus: 1, memory_mib: 128, disk_gib: 1 });
  await api('POST', `/pools/${alone.id}/entitlements`, { body: { department_id: department.id } });
  const [a, b] = [await deskAt(one, department, alone), await deskAt(one, department, alone)];
  assert.match(await inGuest(a.desktop.id, ping('10.46.0.1'), one), /from 10\.46\.0\.1/);
  assert.match(await inGuest(a.desktop.id, `${ping(b.desktop.ip)} || true`, one), /100% packet loss/);
  assert.match(await one.exec('bridge', ['-d', 'link', 'show', 'dev', 'yv4712']), /isolated on/, 'the tunnel is apart, too');
  for (const { desktop } of [a, b]) await yd.job(await api('DELETE', `/desktops/${desktop.id}`));
});

test('what is broken on a host is put right, and told', async () => {
  const [one] = hosts;
  await one.exec('bridge', ['fdb', 'del', '00:00:00:00:00:00', 'dev', DEVICE, 'dst', HERE]);
  await one.exec('nft', ['delete', 'table', 'bridge', `yundesk_${VNI}`]);
  const told = new Set(); // in one look, or in two when one was under way
  await poll('peers and filter are put right', async () => {
    for (const what of ((await states()).host1.repaired ?? '').split(', ')) told.add(what);
    return told.has('filter') && told.has('peers');
  }, { seconds: 120 });
  await one.exec('nft', ['list', 'table', 'bridge', `yundesk_${VNI}`]);
  assert.match(await one.exec('bridge', ['fdb', 'show', 'dev', DEVICE]), new RegExp(`dst ${HERE}\\b`));
  await one.exec('ip', ['link', 'del', DEVICE]);
  await poll('the device is back', async () => (await states()).host1.repaired === 'device', { seconds: 120 });
  assert.match(await inGuest(desks.host1.desktop.id, ping(desks.host2.desktop.ip), one), /from/);
});

test('it is deleted only when nothing uses it, and leaves nothing on any host', async () => {
  await yd.refused(/is used by/, 'network', 'delete', 'floor', '--yes');
  for (const { desktop } of Object.values(desks)) {
    await yd.job(await api('DELETE', `/desktops/${desktop.id}`));
    invariants.deleted(desktop);
  }
  await api('DELETE', `/pools/${pool.id}`);
  await yd.done('network', 'delete', 'floor', '--yes', '--wait');
  for (const host of [here, ...hosts]) {
    assert.notEqual((await host.run('ip', ['link', 'show', 'dev', DEVICE])).code, 0, host.name);
    assert.doesNotMatch(await host.exec('nft', ['list', 'tables']), new RegExp(`yundesk_${VNI}`));
    assert.doesNotMatch(await host.virsh('net-list', '--all', '--name'), /yd-floor/);
  }
});
