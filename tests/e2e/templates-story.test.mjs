// SPDX-License-Identifier: Apache-2.0
// alone
// A template's life in an office: from an ISO to version 1, ten people with files on their personal disks, a version 2
// that is broken as only the roll-out's gate sees it: on the pool's machines and goes back by itself, version 3 with the repair for everybody.
// Two people are connected all the time; nothing may disturb them, and every file is there at the end.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { poll, virsh } from '../lib/process.mjs';
import { bootableIso } from '../lib/medium.mjs';
import { Product } from '../lib/product.mjs';
import { rdpOpen, echo } from '../lib/wire.mjs';

const AT_ONCE = 4; // emulated machines that start together
const names = ['anna', 'bela', 'cora', 'dora', 'emil', 'finn', 'greg', 'hugo', 'ines', 'jana'];
const connected = names.slice(0, 2);
const others = names.slice(2);
const desktops = {}; // name -> id
const lines = {}; // name -> { wire, echoes, broken }
let yd;
let network;
let department;
let pool;
let watching = true;

before(async () => {
  yd = await Product.start();
  network = await yd.make_('/networks', { name: 'net', cidr: '10.98.0.0/24', range_first: '10.98.0.10', range_last: '10.98.0.250' });
  department = await yd.make_('/departments', { name: 'Sales', number: 'S1' });
});
after(async () => {
  watching = false;
  for (const line of Object.values(lines)) line.wire.socket.destroy();
  await yd?.stop();
});

const ctl = async (...args) => {
  const result = await yd.ctl(args);
  assert.equal(result.code, 0, `deskctl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
const desktop = (name) => yd.api('GET', `/desktops/${desktops[name]}`);
const power = async (name, verb) => yd.job(await yd.api('POST', `/desktops/${desktops[name]}/${verb}`));
const template = async () => (await yd.api('GET', '/templates?name=staff')).items[0];
const version = async (number) => (await yd.api('GET', `/templates/${(await template()).id}/versions`)).items.find((it) => it.number === number);
const workbench = async () => (await yd.api('GET', `/desktops?template_id=${(await template()).id}`)).items[0];
const rollout = async () => (await yd.api('GET', `/rollouts?pool_id=${pool.id}&sort=-created&limit=1`)).items[0];
const until = (states) => poll(`the roll-out is ${states}`, async () => {
  const now = await rollout();
  if (!states.includes(now.state)) assert.ok(['checking', 'staged', 'rolling', 'going-back'].includes(now.state), `${now.state}: ${now.reason}`);
  return states.includes(now.state) && now;
}, { seconds: 400 });

// What a shell command in that guest prints.
async function inGuest(id, command) {
  const agent = async (execute, args) => JSON.parse(await virsh('qemu-agent-command', '--timeout', '30', `yd-${id}`, JSON.stringify({ execute, arguments: args }))).return;
  const { pid } = await agent('guest-exec', { path: '/bin/sh', arg: ['-ec', command], 'capture-output': true });
  const end = await poll(`“${command}” has ended`, async () => { const now = await agent('guest-exec-status', { pid }); return now.exited && now; });
  assert.equal(end.exitcode, 0, `${command}: ${Buffer.from(end['err-data'] ?? '', 'base64')}`);
  return Buffer.from(end['out-data'] ?? '', 'base64').toString().trim();
}

async function inGroups(all, act) {
  for (let i = 0; i < all.length; i += AT_ONCE) await Promise.all(all.slice(i, i + AT_ONCE).map(act));
}

// Says something about twice a second until the line is told to end; a line that is cut or slow to answer shows in `broken`.
async function keepTalking(line) {
  while (watching && !line.over) {
    try {
      if (!await echo(line.wire, 4096)) line.broken ??= 'something else came back';
      else line.echoes++;
    } catch (error) {
      line.broken ??= error.message;
    }
    if (line.broken) return;
    await new Promise((resolve) => { setTimeout(resolve, 400); });
  }
}

// Since the last look they went on talking, at the desktop that they had.
async function undisturbed() {
  const before_ = connected.map((name) => lines[name].echoes);
  await poll('both lines go on', () => connected.every((name, i) => lines[name].broken || lines[name].echoes > before_[i]));
  for (const name of connected) {
    assert.equal(lines[name].broken, undefined, `${name}'s line`);
    const now = await desktop(name);
    assert.deepEqual([now.state, now.template_number], ['ready', 1], name);
    assert.equal(now.started, lines[name].started, `${name}'s desktop was not started anew`);
  }
}

const note = (name) => `${name} wrote this.`;
const readNote = (name) => inGuest(desktops[name], `grep -q ' /home/${name} ' /proc/mounts; stat -c %U /home/${name}/note; cat /home/${name}/note`);

// The small guest runs from its initramfs: what is "installed" is one more archive behind that, on its disk.
const install = (id, files, prepare) => inGuest(id, `
  mkdir -p /tmp/more /tmp/disk; cd /tmp/more; mkdir -p etc usr/sbin
  ${prepare}
  mount -t ext4 /dev/vda1 /tmp/disk
  printf '%s\\n' ${files} | cpio -o -H newc 2>/dev/null | gzip >>/tmp/disk/boot/initrd.gz
  umount /tmp/disk; sync`);

async function change(number, files, prepare) {
  await ctl('template', 'change', 'staff', '--memory', '256M');
  const bench = await workbench();
  await poll('the workbench’s agent answers', async () => (await workbench()).agent_seen, { seconds: 120 });
  await install(bench.id, files, prepare);
  assert.match(await ctl('template', 'publish', 'staff', '--shutdown', '--notes', `number ${number}`), new RegExp(`version ${number} is ready`));
}

test('ISO → version 1 → a pool → ten people with files on their personal disks', { timeout: 600000 }, async () => {
  const iso = path.join(yd.home, 'tiny.iso');
  await bootableIso(yd.home, iso);
  await ctl('media', 'upload', iso);
  await ctl('template', 'create', 'staff', '--iso', 'tiny.iso', '--os', 'linux', '--disk', '1G', '--memory', '256M', '--cpus', '1', '--network', network.name);
  const bench = (await template()).workbench_id;
  await poll('the system of the medium runs', async () => (await yd.api('GET', `/desktops/${bench}`)).agent_seen, { seconds: 120 });
  await inGuest(bench, 'zcat /tiny.raw.gz >/dev/vda && sync');
  await ctl('template', 'finish', 'staff', '--shutdown', '--notes', 'installed');
  await poll('version 1 is ready', async () => (await version(1))?.state === 'ready', { seconds: 120 });

  pool = await yd.api('POST', '/pools', { body: { name: 'sales', template_version_id: (await version(1)).id, network_id: network.id, vcpus: 1, memory_mib: 128, personal_disk_gib: 1 } });
  await yd.api('POST', `/pools/${pool.id}/entitlements`, { body: { department_id: department.id } });
  const people = {};
  for (const name of connected) people[name] = await yd.person(name, { department: department.id });
  for (const name of others) {
    people[name] = await yd.api('POST', '/users', { body: { username: name, name, number: `n-${name}`, role: 'user' } });
    await yd.api('POST', `/departments/${department.id}/members`, { body: { user_id: people[name].id } });
  }
  await yd.job(await yd.api('POST', `/pools/${pool.id}/handout`, { body: { user_ids: names.map((name) => people[name].id) } }));
  for (const one of (await yd.api('GET', `/desktops?pool_id=${pool.id}`)).items) desktops[one.username] = one.id;
  assert.equal(Object.keys(desktops).length, 10);

  const write = (name) => inGuest(desktops[name], `echo '${note(name)}' >/home/${name}/note; chown ${name} /home/${name}/note; sync`);
  for (const name of connected) {
    const c = await yd.connect(people[name], { pool: pool.id });
    const { wire, granted } = await rdpOpen(yd.port, c.ticket);
    assert.ok(granted, name);
    await write(name);
    lines[name] = { wire, echoes: 0, started: (await desktop(name)).started };
    lines[name].end = keepTalking(lines[name]);
  }
  await inGroups(others, async (name) => {
    await power(name, 'start');
    await write(name);
    await power(name, 'shutdown');
  });
  assert.equal((await yd.api('GET', '/personal-disks')).items.length, 10);
  await undisturbed();
});

test('version 2 is good by itself and bad for the machines of the pool: the gate sees it and the roll-out goes back by itself', { timeout: 600000 }, async () => {
  // The template's machine has 256 MiB, also when the version is tried after publishing; the pool's have 128.
  await change(2, 'usr/sbin/adduser usr/sbin/adduser.good etc/office-version', `
    cp -p /usr/sbin/adduser usr/sbin/adduser.good
    printf '%s\\n' '#!/bin/sh' \
      '[ "$(awk "/^MemTotal/ { print \\$2 }" /proc/meminfo)" -gt 160000 ] || { echo "not enough memory for accounts" >&2; exit 1; }' \
      'exec /usr/sbin/adduser.good "$@"' >usr/sbin/adduser
    chmod 755 usr/sbin/adduser
    echo 2 >etc/office-version`);
  await ctl('rollout', 'start', 'sales', '--user', others[0], '--seconds', '300', '--replace-system-disks');
  const end = await until(['rolled-back', 'done']);
  assert.equal(end.state, 'rolled-back');
  assert.match(end.reason, /throw-away desktop .*first-boot.*not enough memory for accounts/s);
  assert.equal(end.moved, 0);
  for (const name of names) assert.equal((await desktop(name)).template_number, 1, name);
  assert.equal((await yd.api('GET', '/desktops')).items.length, 10, 'the throw-away desktop is gone');
  await undisturbed();
});

test('version 3 is the repair: some first, then all who are off; every file is there, nobody was disturbed', { timeout: 900000 }, async () => {
  await change(3, 'usr/sbin/adduser etc/office-version', `
    cp -p /usr/sbin/adduser.good usr/sbin/adduser
    echo 3 >etc/office-version`);
  await ctl('rollout', 'start', 'sales', '--user', others[0], '--seconds', '300', '--replace-system-disks');
  await until(['rolling']);
  await poll('all who are off have moved', async () => {
    const all = await Promise.all(others.map(desktop));
    return all.every((one) => one.template_number === 3 && one.state === 'off');
  }, { seconds: 300 });
  await undisturbed();

  const look = async (name) => {
    await power(name, 'start');
    assert.equal(await inGuest(desktops[name], 'cat /etc/office-version'), '3', name);
    assert.equal(await readNote(name), `${name}\n${note(name)}`);
  };
  await inGroups(others, async (name) => {
    await look(name);
    await power(name, 'shutdown');
  });
  await undisturbed();

  // The two go home at last; their desktops move, and their files are there.
  for (const name of connected) {
    assert.equal(await readNote(name), `${name}\n${note(name)}`);
    lines[name].over = true;
    await lines[name].end;
    assert.equal(lines[name].broken, undefined);
    lines[name].wire.close();
    await power(name, 'shutdown');
  }
  await until(['done']);
  await inGroups(connected, look);
});
