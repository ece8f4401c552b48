// SPDX-License-Identifier: Apache-2.0
// alone
// seconds: 1200
// A template's life in an office: from an ISO image to version 1 and desktops for a department of ten, each with files on a
// personal disk; a version 2 whose fault only the roll-out's gate sees, so that it goes back by itself; version 3 with the
// repair, for everybody. Three people are connected all the while and nothing disturbs them; in the end every file is there.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { inGuest } from '../lib/guest.mjs';
import { bootableIso } from '../lib/medium.mjs';
import { ok, poll, sleep } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { rdpOpen, echo } from '../lib/wire.mjs';

const AT_ONCE = 3; // emulated machines that start together
const names = ['anna', 'bela', 'cora', 'dora', 'emil', 'finn', 'greg', 'hugo', 'ines', 'jana'];
const connected = names.slice(0, 3); // from the first morning to the last evening
const others = names.slice(3); // were at work, and have gone home
const first = others[0]; // of them; gets a new version before the rest
const back = others.slice(1, 3); // come to work once more; what the rest have is read from their disks
const people = {};
const desktops = {}; // name -> id
const lines = {}; // name -> what Line holds
let yd;
let network;
let department;
let pool;

const ctl = (...args) => yd.done(...args);
const desktop = (name) => yd.api('GET', `/desktops/${desktops[name]}`);
const shutDown = async (name) => yd.job(await yd.api('POST', `/desktops/${desktops[name]}/shutdown`, { token: people[name].token }));
const template = async () => (await yd.api('GET', '/templates?name=staff')).items[0];
const version = async (number) => (await yd.api('GET', `/templates/${(await template()).id}/versions`)).items.find((it) => it.number === number);
const rollout = async () => (await yd.api('GET', `/rollouts?pool_id=${pool.id}&sort=-created&limit=1`)).items[0];
const until = (wanted) => poll(`the roll-out is ${wanted}`, async () => {
  const now = await rollout();
  return (now.state === wanted || ['done', 'rolled-back', 'failed', 'paused'].includes(now.state)) && now;
}, { seconds: 400, every: 300 }).then((now) => {
  assert.equal(now.state, wanted, `${now.reason} ${JSON.stringify(now.gate)}`);
  return now;
});

async function inTurns(all, act) {
  const left = [...all];
  const worker = async () => { while (left.length) await act(left.shift()); };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

// Connects as that person's client would, which starts the desktop when it is off.
async function comeToWork(name) {
  const c = await yd.connect(people[name], { pool: pool.id, seconds: 480 });
  assert.equal(c.desktop_id, desktops[name]);
  const { wire, granted } = await rdpOpen(yd.port, c.ticket);
  assert.ok(granted && await echo(wire, 4096), name);
  return wire;
}

async function goHome(name, wire) {
  wire.close();
  await shutDown(name);
}

// Somebody's connection, used about twice a second; what disturbs it is kept in `broken`.
class Line {
  constructor(wire, row) {
    Object.assign(this, { wire, echoes: 0, broken: null, over: false, started: row.started });
    this.end = this.talk();
  }

  async talk() {
    while (!this.over && !this.broken) {
      try {
        if (await echo(this.wire, 4096)) this.echoes++;
        else this.broken = 'something else came back, or the end';
      } catch (error) {
        this.broken = error.message;
      }
      await sleep(400);
    }
  }
}

// Since the last look they went on working, at the desktop that they had.
async function undisturbed() {
  const then = connected.map((name) => lines[name].echoes);
  await poll('every line goes on', () => connected.every((name, i) => lines[name].broken || lines[name].echoes > then[i]));
  for (const name of connected) {
    assert.equal(lines[name].broken, null, `${name}'s line`);
    const now = await desktop(name);
    assert.deepEqual([now.state, now.template_number, now.started], ['ready', 1, lines[name].started], name);
  }
}

const note = (name) => `${name} wrote this.`;
const write = (name) => inGuest(desktops[name], `set -e; grep -q ' /home/${name} ' /proc/mounts; echo '${note(name)}' >~${name}/note; chown ${name} ~${name}/note; sync`);
// What the guest has in the home, on the personal disk, and of which version it is itself.
const look = (name) => inGuest(desktops[name], `set -e; grep -q ' /home/${name} ' /proc/mounts; cat /etc/office-version 2>/dev/null || echo 1; stat -c %U ~${name}/note; cat ~${name}/note`);
const looksLike = async (name, number) => assert.equal(await look(name), `${number}\n${name}\n${note(name)}\n`);

// What is on the personal disk of a machine that is off.
async function onDisk(name) {
  const [disk] = (await yd.api('GET', `/personal-disks?search=${name}@sales`)).items;
  const raw = path.join(yd.home, `${name}.raw`);
  await ok('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path.join(yd.state, 'images', disk.image), raw]);
  return ok('debugfs', ['-R', 'cat /home/note', raw]);
}

// The small guest runs from its initramfs: what is "installed" is one more archive behind that, on its disk.
const install = (id, files, prepare) => inGuest(id, `set -e
  mkdir -p /tmp/more /tmp/disk; cd /tmp/more; mkdir -p etc usr/sbin
  ${prepare}
  mount -t ext4 /dev/vda1 /tmp/disk
  printf '%s\\n' ${files} | cpio -o -H newc 2>/dev/null | gzip >>/tmp/disk/boot/initrd.gz
  umount /tmp/disk; sync`);

async function change(number, files, prepare) {
  await ctl('template', 'change', 'staff', '--memory', '256M');
  const workbench = async () => (await yd.api('GET', `/desktops?template_id=${(await template()).id}`)).items[0];
  const { id } = await workbench();
  await poll('the workbench’s agent answers', async () => (await workbench()).agent_seen, { seconds: 180 });
  await install(id, files, prepare);
  assert.match(await ctl('template', 'publish', 'staff', '--shutdown', '--notes', `number ${number}`), new RegExp(`version ${number} is ready`));
}

// Good where it was made and where its own check tries it, as both have 256 MiB; the pool's machines have 128.
const makeVersion2 = () => change(2, 'usr/sbin/adduser usr/sbin/adduser.good etc/office-version', `
  cp -p /usr/sbin/adduser usr/sbin/adduser.good
  cat >usr/sbin/adduser <<'END'
#!/bin/sh
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -gt 160000 ] || { echo "not enough memory for accounts" >&2; exit 1; }
exec /usr/sbin/adduser.good "$@"
END
  chmod 755 usr/sbin/adduser
  echo 2 >etc/office-version`);

before(async () => {
  yd = await Product.start({ config: { deskd: { cheap_passwords: 'yes' } } });
  network = await yd.make_('/networks', { name: 'net', cidr: '10.98.0.0/24', range_first: '10.98.0.10', range_last: '10.98.0.250' });
  department = await yd.make_('/departments', { name: 'Sales', number: 'S1' });
});
after(async () => {
  for (const line of Object.values(lines)) {
    line.over = true;
    line.wire.close();
  }
  await yd?.stop();
});

test('from an ISO image to version 1', { timeout: 400000 }, async () => {
  const iso = path.join(yd.home, 'tiny.iso');
  await bootableIso(yd.home, iso);
  await ctl('media', 'upload', iso);
  await ctl('template', 'create', 'staff', '--iso', 'tiny.iso', '--os', 'linux', '--disk', '1G', '--memory', '256M', '--cpus', '1', '--network', network.name);
  const bench = (await template()).workbench_id;
  await poll('the system of the medium runs', async () => (await yd.api('GET', `/desktops/${bench}`)).agent_seen, { seconds: 180 });
  await inGuest(bench, 'zcat /tiny.raw.gz >/dev/vda && sync');
  await ctl('template', 'finish', 'staff', '--shutdown', '--notes', 'installed');
  await poll('version 1 is ready', async () => (await version(1))?.state === 'ready', { seconds: 180 });
});

test('a pool for a department: ten people come to work and have files on their personal disks; meanwhile version 2 is made', { timeout: 600000 }, async () => {
  pool = await yd.api('POST', '/pools', { body: { name: 'sales', template_version_id: (await version(1)).id, network_id: network.id, vcpus: 1, memory_mib: 128, personal_disk_gib: 1 } });
  await yd.api('POST', `/pools/${pool.id}/entitlements`, { body: { department_id: department.id } });
  for (const name of names) people[name] = await yd.person(name, { department: department.id });
  await yd.job(await yd.api('POST', `/pools/${pool.id}/handout`, { body: { user_ids: names.map((name) => people[name].id) } }));
  for (const one of (await yd.api('GET', `/desktops?pool_id=${pool.id}`)).items) desktops[one.username] = one.id;
  assert.deepEqual(Object.keys(desktops).sort(), names);

  const arrivals = inTurns(names, async (name) => {
    const wire = await comeToWork(name);
    await write(name);
    if (others.includes(name)) return goHome(name, wire);
    lines[name] = new Line(wire, await desktop(name));
  });
  await Promise.all([arrivals, makeVersion2()]);
  assert.equal((await yd.api('GET', '/personal-disks')).items.filter((it) => it.formatted).length, 10);
  await undisturbed();
});

test('version 2 has passed its own check and fails at the gate of the roll-out, which goes back by itself', { timeout: 600000 }, async () => {
  await ctl('rollout', 'start', 'sales', '--user', first, '--seconds', '300', '--replace-system-disks');
  const end = await until('rolled-back');
  assert.match(end.reason, /throw-away desktop .*first-boot.*not enough memory for accounts/s);
  assert.equal(end.moved, 0);
  const all = (await yd.api('GET', '/desktops')).items;
  assert.deepEqual(all.map((one) => one.username).sort(), names, 'the throw-away desktop is gone');
  for (const one of all) assert.equal(one.template_number, 1, one.username);
  assert.equal((await yd.api('GET', `/pools/${pool.id}`)).template_version_id, (await version(1)).id);
  await undisturbed();
});

test('version 3 is the repair: one first, then all who are off; whoever works is left in peace', { timeout: 900000 }, async () => {
  await change(3, 'usr/sbin/adduser etc/office-version', `
    cp -p /usr/sbin/adduser.good usr/sbin/adduser
    echo 3 >etc/office-version`);
  await ctl('rollout', 'start', 'sales', '--user', first, '--seconds', '300', '--replace-system-disks');
  await until('rolling');
  await poll('all who are off have moved', async () => {
    const all = await Promise.all(others.map(desktop));
    return all.every((one) => one.template_number === 3 && one.state === 'off');
  }, { seconds: 400, every: 300 });
  await undisturbed();

  await inTurns(back, async (name) => {
    const wire = await comeToWork(name);
    await looksLike(name, 3);
    await goHome(name, wire);
  });
  for (const name of others) assert.equal(await onDisk(name), `${note(name)}\n`, name);
  await undisturbed();
});

test('those who were connected all the while go home, move too, and every file is there', { timeout: 400000 }, async () => {
  for (const name of connected) {
    await looksLike(name, 1);
    lines[name].over = true;
    await lines[name].end;
    assert.equal(lines[name].broken, null, `${name}'s line`);
    await goHome(name, lines[name].wire);
  }
  const end = await until('done');
  assert.equal(end.moved, 10);
  await inTurns(connected, async (name) => {
    const wire = await comeToWork(name);
    await looksLike(name, 3);
    wire.close();
  });
});
