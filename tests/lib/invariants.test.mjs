// SPDX-License-Identifier: Apache-2.0
// That invariants-judge.mjs complains: each fault, put into a cluster where all is well, is told, and nothing else is.

import test from 'node:test';
import assert from 'node:assert/strict';
import { judge, lasting } from './invariants-judge.mjs';

// Three hosts, a desktop on two of them and one that is off. Each call makes it anew.
function well() {
  const record = (id, state, host_name, ip) => ({ id: `dsk-${id}`, name: id, state, host_name, network_id: 'net-1',
    ip, mac: `52:54:00:00:00:${ip.slice(-2)}`, image: `dsk-${id}.qcow2`, file: true });
  const desktops = [record('ann', 'ready', 'host1', '10.0.0.11'), record('bob', 'ready', 'host2', '10.0.0.12'),
    record('cid', 'off', 'host1', '10.0.0.13')];
  const up = desktops.slice(0, 2);
  return {
    hosts: ['local', 'host1', 'host2'].map((name) => ({ name, state: 'on', record: 'up' })),
    desktops,
    processes: up.map((one, i) => ({ pid: 100 + i, host: one.host_name, machine: `yd-${one.id}`,
      disks: [{ file: `1:${i}`, path: `/images/${one.image}` }] })),
    machines: up.map((one) => ({ host: one.host_name, name: `yd-${one.id}`, nics: [{ network: 'yd-floor', mac: one.mac, ip: one.ip }] })),
    jobs: [],
    changed: new Set(),
  };
}

const known = () => well().desktops.map(({ id, name }) => ({ id, name }));
const migrate = { kind: 'desktop-migrate', object_id: 'dsk-ann', object_name: 'ann' };

// The machine of a desktop, once more, on that host.
function runAlso(seen, which, host, pid, file) {
  const desktop = seen.desktops[which];
  seen.processes.push({ pid, host, machine: `yd-${desktop.id}`, disks: [{ file, path: `/images/${desktop.image}` }] });
  seen.machines.push({ host, name: `yd-${desktop.id}`, nics: [{ network: 'yd-floor', mac: desktop.mac, ip: desktop.ip }] });
}

// What is said after that change: one pattern for each complaint, in their order, "!" before those that are final.
function says(change, ...patterns) {
  const seen = well();
  change(seen);
  const told = judge(seen, known()).map((one) => `${one.final ? '!' : ''}${one.text}`);
  assert.equal(told.length, patterns.length, told.join('\n'));
  patterns.forEach((pattern, i) => assert.match(told[i], pattern));
}

test('where all is well there is no complaint', () => says(() => {}));

test('a disk that two processes write', () => {
  const both = new RegExp('^!the disk /images/dsk-ann.qcow2 is open for writing by 2 processes: '
    + 'yd-dsk-ann on host1 \\(process 100\\) and yd-dsk-bob on host2 \\(process 101\\)');
  says((seen) => { seen.processes[1].disks.push(seen.processes[0].disks[0]); }, both);
  says((seen) => { seen.processes[0].disks.push(seen.processes[0].disks[0]); }); // twice by one process
});

test('a host that is cut is still looked into for disks, and for nothing else', () => {
  const cut = (seen) => { seen.hosts[1].state = 'cut'; };
  says((seen) => { cut(seen); seen.machines.shift(); seen.hosts[1].record = 'down'; });
  says((seen) => { // fenced by mistake and started elsewhere, while the old one runs on
    cut(seen);
    seen.machines.shift();
    seen.desktops[0].host_name = 'host2';
    runAlso(seen, 0, 'host2', 300, '1:0');
  }, /^!the disk .* yd-dsk-ann on host1 \(process 100\) and yd-dsk-ann on host2 \(process 300\)/);
});

test('a disk that has two writers while its desktop moves is looked at again; a start is no move', () => {
  const twice = (job) => (seen) => {
    runAlso(seen, 0, 'host2', 300, '1:0');
    seen.jobs.push({ ...migrate, kind: job });
  };
  const rest = [/^yd-dsk-ann runs on host2, but the record of ann names host1/, /^yd-dsk-ann runs 2 times: on host1 and host2/];
  says(twice('desktop-migrate'), /^the disk/, ...rest, /^the job desktop-migrate of ann is still/);
  says(twice('desktop-start'), /^!the disk/, ...rest, /^the job desktop-start of ann is still/);
});

test('a disk without a lease, where there are leases', () => {
  const leases = (seen) => {
    seen.processes.forEach((one, i) => { one.disks[0].lease = `lease${i}`; });
    seen.leases = seen.processes.map(({ host }, i) => ({ host, lease: `lease${i}` }));
  };
  says(leases);
  const without = /^yd-dsk-ann on host1 writes the disk \/images\/dsk-ann.qcow2 without a lease/;
  says((seen) => { leases(seen); seen.leases.shift(); }, without);
  says((seen) => { leases(seen); seen.leases[0].host = 'host2'; }, without);
  says((seen) => { leases(seen); seen.leases.shift(); seen.hosts[1].state = 'cut'; }, without);
  says((seen) => { leases(seen); seen.leases.shift(); seen.desktops[0].state = 'paused'; });
});

test('what is final counts when it is seen twice', () => {
  const [a, b] = [{ text: 'a', final: true }, { text: 'b', final: false }];
  assert.deepEqual(lasting([a, b], []), []);
  assert.deepEqual(lasting([a, b], [a, b]), [a]);
  assert.deepEqual(lasting([a], [{ ...a, text: 'c' }]), []);
});

test('an address that two have', () => {
  says((seen) => { seen.machines[1].nics[0].mac = seen.machines[0].nics[0].mac; },
    /^!the address 52:54:00:00:00:11 in network yd-floor is that of yd-dsk-ann and yd-dsk-bob/,
    /^yd-dsk-bob runs on host2 with the mac .*:11, its record says .*:12/);
  says((seen) => { seen.machines[1].nics[0].ip = '10.0.0.11'; },
    /^!the address 10.0.0.11 in network yd-floor is that of/, /with the ip 10.0.0.11, its record says 10.0.0.12/);
  says((seen) => { seen.desktops[2].ip = '10.0.0.11'; }, /^!the records of ann and cid have the same address 10.0.0.11 in network net-1/);
  says((seen) => { seen.desktops[2].mac = seen.desktops[0].mac; }, /^!the records of ann and cid have the same address 52:54:00:00:00:11/);
  says((seen) => { seen.desktops[2].ip = '10.0.0.11'; seen.desktops[2].network_id = 'net-2'; });
});

test('a desktop that is lost', () => {
  says((seen) => { seen.desktops.pop(); }, /^!the record of cid \(dsk-cid\) is gone, and no test deleted it/);
  says((seen) => { seen.desktops[2].file = false; }, /^!the overlay dsk-cid.qcow2 of cid is gone/);
  says((seen) => { seen.desktops[2].file = false; seen.changed.add('dsk-cid'); }, /^the overlay/);
});

test('a machine that is nobody’s, or elsewhere, or twice', () => {
  says((seen) => { seen.processes[0].machine = seen.machines[0].name = 'yd-dsk-eve'; seen.desktops[0].state = 'off'; },
    /^yd-dsk-eve runs on host1 and is no desktop's/);
  says((seen) => { seen.desktops[0].host_name = 'local'; },
    /^yd-dsk-ann runs on host1, but the record of ann names local/, /^ann is ready, but does not run on local/);
  says((seen) => { runAlso(seen, 1, 'local', 300, '1:7'); },
    /^yd-dsk-bob runs on local, but the record of bob names host2/, /^yd-dsk-bob runs 2 times: on host2 and local/);
  says((seen) => { seen.processes[1].host = undefined; seen.machines.pop(); },
    /^yd-dsk-bob runs, and on no host of ours/, /^bob is ready, but does not run/);
  says((seen) => { seen.machines.pop(); }, /^yd-dsk-bob runs on host2, but libvirt there does not say so/);
  says((seen) => { seen.processes[0].disks = []; }, /^yd-dsk-ann runs on host1 and does not have its overlay dsk-ann.qcow2 open/);
  says((seen) => { seen.processes.pop(); }, /^libvirt on host2 says that yd-dsk-bob runs, but there is no process/);
});

test('records that differ from what runs', () => {
  says((seen) => { seen.processes.pop(); seen.machines.pop(); }, /^bob is ready, but does not run on host2/);
  says((seen) => { seen.desktops[1].state = 'off'; }, /^bob is off, but runs on host2/);
  says((seen) => { seen.desktops[2].state = 'paused'; }, /^cid is paused, but does not run on host1/);
  says((seen) => { seen.desktops[2].state = 'starting'; }, /^cid is still starting/);
  says((seen) => { seen.jobs.push({ ...migrate, kind: 'desktop-stop' }, { ...migrate, kind: 'desktop-stop' }); },
    /^the job desktop-stop of ann is still under way/);
  says((seen) => { seen.hosts[1].record = 'fenced'; }, /^host1 is on and has its link, but its record says fenced/);
});

test('without libvirtd a machine is known by its process; one of a host that is off is not asked for', () => {
  const gone = (seen, state) => { seen.hosts[1] = { name: 'host1', state, record: 'suspect' }; seen.machines.shift(); };
  says((seen) => gone(seen, 'mute'));
  says((seen) => { gone(seen, 'mute'); seen.processes.shift(); }, /^ann is ready, but does not run on host1/);
  says((seen) => { gone(seen, 'off'); seen.processes.shift(); });
});
