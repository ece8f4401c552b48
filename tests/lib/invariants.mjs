// SPDX-License-Identifier: Apache-2.0
// Looks at all hosts of a cluster test and at the product's records, and fails when something is not as it must be at any
// time (invariants-judge.mjs says what): a disk written by two machines, an address twice, a desktop lost, a machine astray,
// records that differ from what runs. Disks are looked at by what QEMU's processes have open, not by libvirt's word, on hosts
// that are cut, too: the laboratory's /proc shows the processes of all hosts. So for leases: by the locks that virtlockd has.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { doubledDisks, judge, lasting } from './invariants-judge.mjs';
import { sleep, virsh } from './process.mjs';

// The reconciler puts right within a minute what it was not told of.
const SECONDS = 65;
const AGAIN_MS = 300;
const ACCESS = fs.constants.O_WRONLY | fs.constants.O_RDWR;

// ---- collecting ----

function attempt(read) { // undefined when the process, or the descriptor, has just ended
  try {
    return read();
  } catch {
    return undefined;
  }
}

// Regular files that the process has open for writing: the disks, and no memory.
function writtenBy(pid) {
  const files = new Map();
  for (const fd of attempt(() => fs.readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const flags = attempt(() => parseInt(/^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))[1], 8));
    const stat = attempt(() => fs.statSync(`/proc/${pid}/fd/${fd}`, { bigint: true }));
    const name = attempt(() => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
    if (!stat?.isFile() || !name || /^\/(memfd:|dev\/)/.test(name) || (flags & ACCESS) === fs.constants.O_RDONLY) continue;
    files.set(`${stat.dev}:${stat.ino}`, name);
  }
  return [...files].map(([file, name]) => ({ file, path: name }));
}

// virtlockd's name for the lease on a disk (libvirt: auto_disk_leases with file_lockspace_dir).
const leaseOf = (name) => crypto.createHash('sha256').update(name).digest('hex');

const spaceOf = (pid) => attempt(() => fs.readlinkSync(`/proc/${pid}/ns/pid`));

// Programs of that name that run, on all hosts: [{ pid, host }]. host: undefined when it is in a process namespace that is none of theirs.
function programsOf(hosts, name) {
  const spaces = new Map(hosts.filter((host) => host.state !== 'off').map((host) => [spaceOf(host.pid), host.name]));
  return fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && attempt(() => fs.readFileSync(`/proc/${pid}/comm`, 'utf8'))?.startsWith(name))
    .map((pid) => ({ pid: Number(pid), space: spaceOf(pid) })).filter((one) => one.space) // else it has ended
    .map(({ pid, space }) => ({ pid, host: spaces.get(space) }));
}

function qemuProcesses(hosts, images) {
  const lease = (disk) => (path.dirname(disk.path) === images ? { ...disk, lease: leaseOf(disk.path) } : disk);
  return programsOf(hosts, 'qemu-system').map(({ pid, host }) => {
    const machine = /(?:^|\0)-name\0guest=([^,\0]+)/.exec(attempt(() => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '')?.[1];
    return { pid, host, machine, disks: writtenBy(pid).map(lease) };
  });
}

// Leases that a virtlockd holds: the kernel shows the lock at the descriptor.
function leasesHeld(hosts, lockspace) {
  return programsOf(hosts, 'virtlockd').flatMap(({ pid, host }) => (attempt(() => fs.readdirSync(`/proc/${pid}/fd`)) ?? []).flatMap((fd) => {
    const name = attempt(() => fs.readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '';
    const isLocked = /^lock:.* POSIX .* WRITE /m.test(attempt(() => fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')) ?? '');
    return isLocked && path.dirname(name) === lockspace ? [{ host, lease: path.basename(name) }] : [];
  }));
}

// The network devices of a machine, from its definition.
export function nicsOf(xml) {
  return [...xml.matchAll(/<interface [^]*?<\/interface>/g)].map(([nic]) => ({
    network: /<source [^>]*\bnetwork='([^']*)'/.exec(nic)?.[1],
    mac: /<mac address='([^']*)'/.exec(nic)?.[1],
    ip: /<parameter name='IP' value='([^']*)'/.exec(nic)?.[1],
  }));
}

async function machinesOn(host) {
  const names = (await host.virsh('list', '--name')).split('\n').filter((name) => name.startsWith('yd-'));
  const one = async (name) => ({ host: host.name, name, nics: nicsOf(await host.virsh('dumpxml', name)) });
  return Promise.all(names.map(one));
}

// ---- the checker ----

export class Invariants {
  constructor(yd, hosts) {
    this.yd = yd;
    this.images = path.join(yd.state, 'images');
    this.lockspace = fs.existsSync(hosts.lockspace) ? hosts.lockspace : undefined; // leases are in use
    this.hosts = [{ name: 'local', pid: process.pid, state: 'on', virsh }, ...hosts];
    this.known = new Map(); // desktops of the former look, by id
  }

  async all(where) {
    const { items, next } = await this.yd.api('GET', `${where}${where.includes('?') ? '&' : '?'}limit=1000`);
    assert.ok(!next, `${where} has more than one page`);
    return items;
  }

  liveJobs = () => this.all('/jobs?state=queued,running');

  // One look at everything, as invariants-judge.mjs wants it. Records and jobs are read before and after the hosts.
  async look() {
    const jobsBefore = await this.liveJobs();
    const before = new Map((await this.all('/desktops')).map((one) => [one.id, one.version]));
    const processes = this.processes();
    const leases = this.lockspace && leasesHeld(this.hosts, this.lockspace);
    const machines = (await Promise.all(this.hosts.filter((host) => host.state === 'on').map(machinesOn))).flat();
    const desktops = await this.all('/desktops');
    const records = await this.all('/hosts');
    const now = new Map(desktops.map((one) => [one.id, one.version]));
    return {
      hosts: this.hosts.map(({ name, state }) => ({ name, state, record: records.find((one) => one.name === name)?.state })),
      processes,
      leases,
      machines,
      desktops: desktops.map((one) => ({ ...one, file: Boolean(one.image) && fs.existsSync(path.join(this.images, one.image)) })),
      jobs: [...jobsBefore, ...await this.liveJobs()],
      changed: new Set([...before.keys(), ...now.keys()].filter((id) => before.get(id) !== now.get(id))),
    };
  }

  // Fails with all that is wrong as soon as some of it is final, or when it was not all right for SECONDS.
  async check(when) {
    const end = Date.now() + SECONDS * 1000;
    for (let wrong = [], before = []; ; before = wrong) {
      try {
        const seen = await this.look();
        wrong = judge(seen, [...this.known.values()]);
        if (!wrong.length) {
          this.known = new Map(seen.desktops.map(({ id, name }) => [id, { id, name }]));
          return;
        }
      } catch (error) {
        wrong = [{ text: `it could not be looked at: ${error.message}`, final: false }];
      }
      if (lasting(wrong, before).length || Date.now() > end) {
        assert.fail(`what must hold on all hosts does not, ${when}:\n${wrong.map((one) => `- ${one.text}`).join('\n')}`);
      }
      await sleep(AGAIN_MS);
    }
  }

  // QEMU's, as invariants-judge.mjs wants them.
  processes() {
    return qemuProcesses(this.hosts, this.images);
  }

  // At once, and only the disks: while hosts are cut, say, and no desktop moves. Returns QEMU's processes.
  async disks(when) {
    const look = () => doubledDisks({ processes: this.processes(), jobs: [], changed: new Set() });
    const before = look();
    if (before.length) await sleep(AGAIN_MS);
    const wrong = before.length ? lasting(look(), before) : [];
    assert.ok(!wrong.length, `${when}: ${wrong.map((one) => one.text).join('; ')}`);
    return this.processes();
  }

  // The test has deleted that desktop.
  deleted(desktop) {
    assert.ok(this.known.delete(desktop.id), `${desktop.name} was known`);
  }
}
