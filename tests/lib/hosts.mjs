// SPDX-License-Identifier: Apache-2.0
// More hosts beside the laboratory's own: tests/lib/host for each, on one network with the laboratory, every host with the
// product's deskhost and deskgate. They lose their link or their power when a test says so, and end with the laboratory.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { program, source } from './product.mjs';
import { Program, dir, ok, poll, run, sanitizerReport, virsh } from './process.mjs';

const NET = '10.77.0';
const PREFIX = 24;
const GATE_PORT = 8443;
export const HERE = `${NET}.1`; // the laboratory's own address there: the host "local", deskd, and the gate beside it

const ip = (...args) => ok('ip', args);

// ---- certificates of a CA made for the test, with the names that libvirt wants ----

async function openssl(folder, ...args) {
  await ok('openssl', args, { cwd: folder });
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

async function makeCa(folder) {
  fs.mkdirSync(folder, { recursive: true });
  await openssl(folder, 'req', '-x509', ...newKey, '-days', '30', '-subj', '/CN=laboratory', '-keyout', 'cakey.pem', '-out', 'cacert.pem',
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
}

// folder/NAME with cacert.pem, FILEcert.pem and FILEkey.pem. libvirt wants keyEncipherment of keys that can't.
async function makeCertificate(folder, name, file, address) {
  const own = path.join(folder, name);
  fs.mkdirSync(own, { recursive: true });
  fs.writeFileSync(path.join(own, 'ext'), ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature,keyEncipherment',
    'extendedKeyUsage=serverAuth,clientAuth', ...(address ? [`subjectAltName=IP:${address},DNS:${address}`] : [])].join('\n'));
  await openssl(own, 'req', ...newKey, '-subj', `/O=laboratory/CN=${address ?? name}`, '-keyout', `${file}key.pem`, '-out', 'request');
  await openssl(own, 'x509', '-req', '-in', 'request', '-CA', '../cacert.pem', '-CAkey', '../cakey.pem', '-set_serial', String(Date.now() * 100 + (serial += 1)),
    '-days', '30', '-extfile', 'ext', '-out', `${file}cert.pem`);
  fs.copyFileSync(path.join(folder, 'cacert.pem'), path.join(own, 'cacert.pem'));
}

let serial = 0;

// ---- what runs inside a host ----

// A program in the host's namespaces. nsenter waits for it and ends as it does, but hands on no signal.
class Inside extends Program {
  constructor(host, name, command, args) {
    super(`${name}-${host.name}`, 'nsenter', ['-t', String(host.pid), '-a', command, ...args]);
  }

  stop(signal = 'SIGTERM', seconds = 30) {
    if (this.alive && signal !== 'SIGKILL') {
      for (const pid of childrenOf(this.pid)) process.kill(pid, signal);
      return super.stop(0, seconds);
    }
    for (const pid of this.alive ? childrenOf(this.pid) : []) process.kill(pid, 'SIGKILL');
    return super.stop(signal, seconds);
  }
}

function childrenOf(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

export class Host {
  constructor(hosts, number) {
    this.hosts = hosts;
    this.number = number;
    this.name = `host${number}`;
    this.address = `${NET}.${10 + number}`;
    this.uri = `qemu+tls://${this.address}/system?pkipath=${hosts.client}`;
    this.gate = { name: `gate-${this.name}`, port: GATE_PORT, address: `${this.address}:${GATE_PORT}` };
    this.dir = path.join(hosts.dir, this.name);
    this.link = `yd-h${number}`;
    this.programs = {};
    this.isCut = false;
    this.isMute = false; // its libvirtd is dead
  }

  // What the test did to it: "on", "cut", "mute", "off".
  get state() {
    if (!this.machine?.alive) return 'off';
    if (this.isCut) return 'cut';
    return this.isMute ? 'mute' : 'on';
  }

  // libvirt's configuration: that of the laboratory, and its TLS.
  async configure({ locks }) {
    const etc = path.join(this.dir, 'etc');
    fs.mkdirSync(path.join(etc, 'qemu/networks'), { recursive: true });
    if (fs.existsSync('/etc/libvirt/nwfilter')) fs.cpSync('/etc/libvirt/nwfilter', path.join(etc, 'nwfilter'), { recursive: true });
    await makeCertificate(this.hosts.pki, this.name, 'server', this.address);
    const pki = path.join(this.hosts.pki, this.name);
    fs.writeFileSync(path.join(etc, 'libvirtd.conf'), `listen_tls = 1
listen_addr = "${this.address}"
auth_tls = "none"
ca_file = "${pki}/cacert.pem"
cert_file = "${pki}/servercert.pem"
key_file = "${pki}/serverkey.pem"
host_uuid = "00000000-0000-4000-8000-${String(this.number).padStart(12, '0')}"
unix_sock_group = "libvirt"
unix_sock_rw_perms = "0770"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
`);
    fs.copyFileSync(path.join(pki, 'cacert.pem'), path.join(pki, 'ca-cert.pem')); // QEMU's names for the same
    for (const part of ['cert', 'key']) {
      for (const end of ['server', 'client']) fs.copyFileSync(path.join(pki, `server${part}.pem`), path.join(pki, `${end}-${part}.pem`));
    }
    await ok('chown', ['-R', 'libvirt-qemu:', pki]);
    fs.writeFileSync(path.join(etc, 'qemu.conf'), `${qemuConf}default_tls_x509_cert_dir = "${pki}"\ndefault_tls_x509_verify = 1\n`);
    if (locks) writeLocks(etc, this.hosts.lockspace);
    // What the laboratory's libvirtd has found out about QEMU is true here, too; it takes seconds.
    if (fs.existsSync('/var/cache/libvirt/qemu')) fs.cpSync('/var/cache/libvirt/qemu', path.join(this.dir, 'cache/qemu'), { recursive: true });
    for (const empty of ['network.conf', 'virtlogd.conf', 'virtlockd.conf']) fs.writeFileSync(path.join(etc, empty), '');
    fs.writeFileSync(path.join(etc, 'libvirt.conf'), 'uri_default = "qemu:///system"\n');
  }

  // The gate's certificates and configuration, as an administrator makes them.
  async makeGate(yd) {
    const folder = path.join(this.dir, 'gate');
    await ok(program('deskd'), ['--config', yd.config, '--add-gate', this.gate.name, '--out', folder, '--manager', `${HERE}:${yd.port}`,
      '--names', 'localhost', '--names', this.address]);
    this.config = path.join(folder, 'yundesk.conf');
    const text = fs.readFileSync(this.config, 'utf8').replaceAll('/etc/yundesk/', `${folder}/`)
      .replace('0.0.0.0:443', `${this.gate.address}\nuser=root`);
    fs.writeFileSync(this.config, `${text}\n[paths]\nstate=${yd.state}\nrun=${yd.run}\n`);
  }

  // Power on: its libvirtd, then (once there is a gate) deskhost and deskgate. Machines that ran before do not start.
  async boot({ seconds = 90 } = {}) {
    assert.ok(!this.machine?.alive, `${this.name} is on`);
    fs.rmSync(path.join(this.dir, 'ready'), { force: true });
    this.machine = new Program(this.name, 'unshare', ['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--',
      path.join(source, 'tests/lib/host'), this.name, `${this.address}/${PREFIX}`, HERE, this.dir, this.hosts.run]);
    this.pid = await poll(`${this.name} begins`, () => childrenOf(this.machine.pid)[0], { every: 20 });
    await ok('ip', ['link', 'add', this.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(this.pid)]);
    await ip('link', 'set', this.link, 'master', 'yd-hosts', 'up');
    await poll(`libvirtd of ${this.name} answers`, () => {
      if (!this.machine.alive) assert.fail(`${this.name} ended: ${this.machine.tail(20)}`);
      return fs.existsSync(path.join(this.dir, 'ready'));
    }, { seconds });
    this.isCut = false;
    this.isMute = false;
    if (this.config) await this.startPrograms();
  }

  async startPrograms() {
    this.startProgram('deskhost');
    await poll(`deskhost of ${this.name} answers`, () => fs.existsSync(path.join(this.dir, 'run/deskhost.sock')));
    this.startProgram('deskgate');
    await poll(`the gate of ${this.name} listens`, () => this.tries(this.gate.address), { seconds: 60 });
  }

  startProgram(name) {
    this.programs[name] = new Inside(this, name, program(name), ['--config', this.config]);
    return this.programs[name];
  }

  // Whether a TCP connection to it comes about, from the laboratory.
  async tries(address) {
    const [host, port] = address.split(':');
    return (await run('bash', ['-c', `exec 3<>/dev/tcp/${host}/${port}`], { seconds: 5 })).code === 0;
  }

  // A command inside: its standard output; throws when it fails. `run` is the like that does not throw.
  exec(command, args = [], options = {}) {
    return ok('nsenter', ['-t', String(this.pid), '-a', command, ...args], options);
  }

  run(command, args = [], options = {}) {
    return run('nsenter', ['-t', String(this.pid), '-a', command, ...args], options);
  }

  virsh = (...args) => this.exec('virsh', ['-q', '-c', 'qemu:///system', ...args]);

  // The link is cut: neither side hears of it.
  cut() {
    this.isCut = true;
    return ip('link', 'set', this.link, 'down');
  }

  async uncut() {
    await ip('link', 'set', this.link, 'up');
    this.isCut = false;
  }

  // Everything in it ends at once, and not one packet tells of it.
  async powerOff() {
    await this.cut();
    await this.machine.kill();
    await poll(`${this.name} is gone`, () => !fs.existsSync(`/proc/${this.pid}`));
    for (const it of Object.values(this.programs)) await it.kill();
    await run('ip', ['link', 'del', this.link]);
    this.programs = {};
  }

  // libvirtd alone dies; machines live on.
  async killLibvirtd() {
    this.isMute = true;
    await this.exec('sh', ['-c', 'pid=$(cat /run/libvirtd.pid) && kill -9 $pid && while kill -0 $pid 2>/dev/null; do sleep 0.05; done']);
  }

  async startLibvirtd() {
    await this.exec('libvirtd', ['--listen', '-d']);
    await poll(`libvirtd of ${this.name} answers`, async () => (await this.run('virsh', ['-q', '-c', 'qemu:///system', 'hostname'])).code === 0);
    this.isMute = false;
  }

  // `deskctl host add`; returns the record once deskd sees it up.
  async add(...more) {
    const { yd } = this.hosts;
    await yd.done('host', 'add', this.name, '--uri', this.uri, ...more);
    return this.up();
  }

  up({ seconds = 60 } = {}) {
    return poll(`${this.name} is up`, async () => {
      const host = (await this.hosts.yd.api('GET', '/hosts?limit=100')).items.find((one) => one.name === this.name);
      return host?.state === 'up' && host;
    }, { seconds });
  }

  // Ends the product's programs as an administrator would, then the rest; what they did wrong is told.
  async stop() {
    const faults = [];
    for (const name of ['deskgate', 'deskhost']) {
      const it = this.programs[name];
      if (!it) continue;
      const { code, signal } = await it.stop().catch((error) => { faults.push(error.message); return { code: 0 }; });
      if (code !== 0) faults.push(`${it.name} ended with ${signal ?? code}; its log ends:\n${it.tail()}`);
      const report = sanitizerReport(fs.readFileSync(it.log, 'utf8'));
      if (report) faults.push(`${it.name}:\n${report}`);
    }
    await this.machine?.kill();
    await run('ip', ['link', 'del', this.link]);
    if (process.env.YD_LAB_DIR) fs.cpSync(path.join(this.dir, 'log'), path.join(dir, 'libvirt/log', this.name), { recursive: true, force: true });
    return faults;
  }
}

const qemuConf = `namespaces = []
cgroup_controllers = []
security_driver = "none"
`;

// One libvirtd is a client of the other when a machine moves between them. /etc is the laboratory's own.
function installClient(from) {
  for (const [folder, file, name] of [['CA', 'cacert.pem', 'cacert.pem'], ['libvirt', 'clientcert.pem', 'clientcert.pem'],
    ['libvirt/private', 'clientkey.pem', 'clientkey.pem']]) {
    fs.mkdirSync(path.join('/etc/pki', folder), { recursive: true });
    fs.copyFileSync(path.join(from, file), path.join('/etc/pki', folder, name));
  }
}

// Leases on disks by virtlockd, in a folder that all hosts share.
function writeLocks(etc, lockspace) {
  fs.appendFileSync(path.join(etc, 'qemu.conf'), 'lock_manager = "lockd"\n');
  fs.writeFileSync(path.join(etc, 'qemu-lockd.conf'), `auto_disk_leases = 1\nrequire_lease_for_disks = 1\nfile_lockspace_dir = "${lockspace}"\n`);
}

// The laboratory's own libvirtd takes leases too.
async function lockHere(lockspace) {
  writeLocks('/etc/libvirt', lockspace);
  await ok('virtlockd', ['-d']);
  const pid = Number(fs.readFileSync('/run/libvirtd.pid', 'utf8'));
  process.kill(pid, 'SIGTERM');
  await poll('libvirtd ends', () => !fs.existsSync(`/proc/${pid}`));
  await ok('libvirtd', ['-d']);
  await poll('libvirtd answers', () => virsh('hostname'));
}

export class Hosts {
  // `count` hosts beside the product's (which runs or not): host1, host2, … with libvirtd, deskhost and deskgate each.
  // They are not added to the product: host.add() does. locks: leases on disks by virtlockd, on all hosts.
  static async start(yd, { count = 2, locks = false } = {}) {
    assert.ok(process.env.YD_LAB_DIR, 'more hosts are only made in a laboratory');
    const hosts = new Hosts();
    hosts.yd = yd;
    hosts.run = yd.run;
    hosts.dir = path.join(yd.home, 'hosts');
    hosts.pki = path.join(hosts.dir, 'pki');
    hosts.client = path.join(hosts.pki, 'manager');
    hosts.lockspace = path.join(yd.state, 'leases');
    await makeCa(hosts.pki);
    await makeCertificate(hosts.pki, 'manager', 'client');
    installClient(hosts.client);
    await ip('link', 'add', 'yd-hosts', 'type', 'bridge');
    await ip('addr', 'add', `${HERE}/${PREFIX}`, 'dev', 'yd-hosts');
    await ip('link', 'set', 'yd-hosts', 'up');
    if (locks) {
      fs.mkdirSync(hosts.lockspace, { recursive: true });
      await lockHere(hosts.lockspace);
    }
    hosts.all = Array.from({ length: count }, (_, i) => new Host(hosts, i + 1));
    // libvirt looks its own name up again and again; no answer takes five seconds.
    fs.appendFileSync('/etc/hosts', hosts.all.map((host) => `${host.address} ${host.name}\n`).join(''));
    await Promise.all(hosts.all.map(async (host) => {
      await host.configure({ locks });
      await host.boot();
    }));
    await hosts.lead();
    for (const host of hosts.all) await host.makeGate(yd);
    await Promise.all(hosts.all.map((host) => host.startPrograms()));
    return hosts;
  }

  [Symbol.iterator]() {
    return this.all[Symbol.iterator]();
  }

  // The gate beside deskd also listens where the hosts are, and deskd knows the gate of each host.
  async lead() {
    const { yd } = this;
    const gates = [`local=gate-1@${HERE}:${yd.port}`, ...this.all.map((host) => `${host.name}=${host.gate.name}@${host.gate.address}`)];
    yd.configure({
      ...yd.groups,
      deskd: { ...yd.groups.deskd, host_gates: gates.join(',') },
      deskgate: { ...yd.groups.deskgate, listen: `${yd.groups.deskgate.listen},${HERE}:${yd.port}` },
    });
    const running = ['deskgate', 'deskd'].filter((name) => yd.programs[name]?.alive);
    for (const name of running) {
      await yd.programs[name].stop();
      delete yd.programs[name];
    }
    if (running.length) await yd.startAll();
  }

  // Before the product's own stop(). Throws when a program of a host ended badly.
  async stop() {
    const faults = (await Promise.all(this.all.map((host) => host.stop()))).flat();
    await run('ip', ['link', 'del', 'yd-hosts']);
    if (faults.length) throw new Error(faults.join('\n'));
  }
}
