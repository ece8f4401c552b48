// SPDX-License-Identifier: Apache-2.0
// Looks at all hosts of a cluster test and at the product's records, and fails when something is not as it must be at any
// time (invariants-judge.mjs says what): a disk written by two machines, an address twice, a desktop lost, a machine astray,
// records that differ from what runs. Disks are looked at by what QEMU's processes have open, not by libvirt's word, on hosts
// that are cut, too: the laboratory's /proc shows the processes of all hosts.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { doubledDisks, judge } from './invariants-judge.mjs';
import { sleep, virsh } from './process.mjs';

// The reconciler puts right within a minute what it was not told of.
const SECONDS = 65;
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

const spaceOf = (pid) => attempt(() => fs.readlinkSync(`/proc/${pid}/ns/pid`));

function qemuProcesses(hosts) {
  const spaces = new Map(hosts.filter((host) => host.state !== 'off').map((host) => [spaceOf(host.pid), host.name]));
  return fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && attempt(() => fs.readFileSync(`/proc/${pid}/comm`, 'utf8'))?.startsWith('qemu-system'))
    .flatMap((pid) => {
      const space = spaceOf(pid);
      const machine = /(?:^|\0)-name\0guest=([^,\0]+)/.exec(attempt(() => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '')?.[1];
      return space ? [{ pid: Number(pid), host: spaces.get(space), machine, disks: writtenBy(pid) }] : []; // else it has ended
    });
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
    const machines = (await Promise.all(this.hosts.filter((host) => host.state === 'on').map(machinesOn))).flat();
    const desktops = await this.all('/desktops');
    const records = await this.all('/hosts');
    const now = new Map(desktops.map((one) => [one.id, one.version]));
    return {
      hosts: this.hosts.map(({ name, state }) => ({ name, state, record: records.find((one) => one.name === name)?.state })),
      processes,
      machines,
      desktops: desktops.map((one) => ({ ...one, file: Boolean(one.image) && fs.existsSync(path.join(this.yd.state, 'images', one.image)) })),
      jobs: [...jobsBefore, ...await this.liveJobs()],
      changed: new Set([...before.keys(), ...now.keys()].filter((id) => before.get(id) !== now.get(id))),
    };
  }

  // Fails with all that is wrong as soon as it can't become right any more, or was not right for SECONDS.
  async check(when) {
    const begun = Date.now();
    const end = Date.now() + SECONDS * 1000;
    for (;;) {
      let wrong;
      try {
        const seen = await this.look();
        wrong = judge(seen, [...this.known.values()]);
        if (!wrong.length) {
          this.known = new Map(seen.desktops.map(({ id, name }) => [id, { id, name }]));
          if (process.env.INV) console.log(`# ${when}: ${Date.now() - begun} ms`, JSON.stringify(seen.processes).slice(0, process.env.INV));
          return seen;
        }
      } catch (error) {
        wrong = [{ text: `it could not be looked at: ${error.message}`, final: false }];
      }
      if (wrong.some((one) => one.final) || Date.now() > end) {
        assert.fail(`what must hold on all hosts does not, ${when}:\n${wrong.map((one) => `- ${one.text}`).join('\n')}`);
      }
      await sleep(300);
    }
  }

  // QEMU's, as invariants-judge.mjs wants them.
  processes() {
    return qemuProcesses(this.hosts);
  }

  // At once, and only the disks: while hosts are cut, say, and no desktop moves. Returns QEMU's processes.
  disks(when) {
    const processes = this.processes();
    const wrong = doubledDisks({ processes, jobs: [], changed: new Set() });
    assert.ok(!wrong.length, `${when}: ${wrong.map((one) => one.text).join('; ')}`);
    return processes;
  }

  // The test has deleted that desktop.
  deleted(desktop) {
    assert.ok(this.known.delete(desktop.id), `${desktop.name} was known`);
  }
}
