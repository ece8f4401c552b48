// SPDX-License-Identifier: Apache-2.0
// deskctl against the real daemons: every noun's verbs, what they print, their exit codes, names in place of ids, waiting.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ok, poll, run } from '../lib/process.mjs';
import { Product, guestImage, program, source } from '../lib/product.mjs';

let yd;
const carol = { username: 'carol', password: 'Meadow-carol-42-stone' };

before(async () => { yd = await Product.start(); });
after(() => yd?.stop());

// Runs as the administrator; asserts the exit code; returns { stdout, stderr }.
async function ctl(args, { code = 0, ...options } = {}) {
  const result = await yd.ctl(args, options);
  assert.equal(result.code, code, `deskctl ${args.join(' ')}: exit ${result.code}, not ${code}\n${result.stderr}${result.stdout}`);
  return result;
}

const rows = (text) => text.trim().split('\n').slice(1).map((line) => line.split(/ {2,}/));
const one = (value) => (Array.isArray(value) ? value[0] : value);

test('who is logged in, the overview and the settings', async () => {
  assert.match((await ctl(['whoami'])).stdout, /Username +admin\n[^]*Role +admin/);
  assert.match((await ctl(['overview'])).stdout, /users +1 \(admin 1\)/);
  assert.match((await ctl(['settings', 'set', 'lock_after=7'])).stdout, /lock_after +7 /);
  assert.equal((await yd.ctlJson(['settings', 'show'])).lock_after.value, 7);
  await ctl(['settings', 'set', 'lock_after=null']);
  const wrong = await ctl(['settings', 'set', 'lock_after=1'], { code: 1 });
  assert.match(wrong.stderr, /lock_after.*3/, 'names the bound');
  await ctl(['settings', 'set', 'lock_aftre=5'], { code: 1 });
});

test('a log-in trusts only the right certificate', async () => {
  const env = { XDG_CONFIG_HOME: path.join(yd.home, 'ctl', 'stranger') };
  const login = (more) => run(program('deskctl'), ['login', yd.url, '--username', 'admin', '--password-stdin', ...more],
    { env, input: `${yd.admin.password}\n`, seconds: 60 });
  const refused = await login([]);
  assert.equal(refused.code, 5);
  const [, seen] = /fingerprint is ([0-9a-f]{64})/.exec(refused.stderr);
  const other = seen.replace(/^./, (c) => (c === '0' ? '1' : '0'));
  assert.equal((await login(['--fingerprint', other])).code, 5);
  const pinned = await login(['--fingerprint', seen]);
  assert.equal(pinned.code, 0, pinned.stderr);
  assert.equal((await run(program('deskctl'), ['whoami'], { env })).code, 0);
  assert.equal((await run(program('deskctl'), ['logout'], { env })).code, 0);
  assert.equal((await run(program('deskctl'), ['whoami'], { env })).code, 4);
  const profiles = path.join(env.XDG_CONFIG_HOME, 'yundesk/profiles');
  assert.equal(fs.statSync(profiles).mode & 0o777, 0o600);
  const wrong = await run(program('deskctl'), ['login', '-u', 'admin', '--password-stdin'], { env, input: 'wrong\n' });
  assert.equal(wrong.code, 4);
});

test('departments and people, by name', async () => {
  await ctl(['department', 'add', '财务部', '--number', 'F1', '--unit', 'Head office']);
  await ctl(['department', 'add', 'Sales', '--number', 'S1']);
  const made = await ctl(['user', 'add', 'carol', '--name', '吴 Carol', '--number', '1001', '--department', '财务部']);
  carol.first = /one-time password: (\S+)/.exec(made.stdout)[1];
  await ctl(['user', 'add', 'dave', '--no-password']);
  await ctl(['user', 'add', 'erin', '--password-stdin', '--role', 'manager'], { input: 'Meadow-erin-42-stone\n' });
  const list = await ctl(['user', 'list', '--sort', 'username', '--columns', 'username,name,role,department_names']);
  assert.deepEqual(rows(list.stdout), [['admin', 'admin', 'admin', '-'], ['carol', '吴 Carol', 'user', '财务部'],
    ['dave', 'dave', 'user', '-'], ['erin', 'erin', 'manager', '-']]);
  await ctl(['user', 'edit', '1001', '--email', 'carol@example.org']);
  assert.equal(one(await yd.ctlJson(['user', 'show', 'carol'])).email, 'carol@example.org');
  await ctl(['department', 'member', 'add', 'Sales', 'carol', 'dave']);
  await ctl(['department', 'manager', 'add', 'Sales', 'erin']);
  assert.equal(rows((await ctl(['department', 'member', 'list', 'Sales'])).stdout).length, 2);
  await ctl(['department', 'member', 'remove', 'F1', 'carol']);
  await ctl(['department', 'edit', 'Sales', '--name', 'Verkauf', '--founded', '1999']);
  assert.equal(one(await yd.ctlJson(['department', 'show', 'Verkauf'])).managers, 1);
  assert.deepEqual((await yd.ctlJson(['user', 'list', '--department', 'Verkauf'])).map((it) => it.username).sort(),
    (await yd.ctlJson(['department', 'member', 'list', 'Verkauf'])).map((it) => it.username).sort());
  assert.match((await ctl(['user', 'list', '--department', 'Verkuf'], { code: 3 })).stderr, /no department 'Verkuf'/);
  assert.match((await ctl(['department', 'show', 'Verkuf'], { code: 3 })).stderr, /no department 'Verkuf'/);
});

test('what can not be done says why and exits accordingly', async () => {
  assert.match((await ctl(['user', 'add', 'carol'], { code: 1 })).stderr, /username/);
  assert.match((await ctl(['user', 'delete', 'dave'], { code: 2 })).stderr, /--yes/);
  assert.match((await ctl(['user', 'delete', 'nobody', '--yes'], { code: 3 })).stderr, /no user 'nobody'/);
  assert.match((await ctl(['user', 'list', '--filter', 'colour=red'], { code: 1 })).stderr, /colour/);
  assert.match((await ctl(['user', 'lst'], { code: 2 })).stderr, /did you mean 'list'/);
  assert.match((await ctl(['user', 'disable', 'admin', '--yes'], { code: 1 })).stderr, /administrator/i);
});

test('CSV in and out', async () => {
  const file = path.join(yd.home, 'people.csv');
  fs.writeFileSync(file, 'username,name,number,departments\nfrank,Frank,2001,财务部\ngrace,Grace,2002,Nowhere\n');
  const dry = await ctl(['user', 'import', file, '--dry-run'], { code: 1 });
  assert.match(dry.stdout, /^ *3 +departments/m, 'line, field');
  assert.match(dry.stdout, /2 lines, 1 good, 0 people made \(dry run\)/);
  fs.writeFileSync(file, 'username,name,number,departments\nfrank,Frank,2001,财务部\ngrace,Grace,2002,F1\n');
  const done = await yd.ctlJson(['user', 'import', file, '--passwords']);
  assert.equal(done.created, 2);
  assert.equal(done.passwords.length, 2);
  const out = path.join(yd.home, 'out.csv');
  await ctl(['user', 'export', '--out', out]);
  assert.match(fs.readFileSync(out, 'utf8'), /frank,Frank,2001/);
  assert.equal(fs.statSync(out).mode & 0o777, 0o600);
  await ctl(['user', 'delete', 'frank', 'grace', '--yes']);
});

test('a spreadsheet is imported, and what is none is refused', async () => {
  const book = path.join(source, 'tests/data/xlsx/people.xlsx');
  const dry = await ctl(['user', 'import', book, '--sheet', 'Staff', '--dry-run'], { code: 1 });
  assert.match(dry.stdout, /^ *3 +number .*1001/m, 'row 3 of the sheet: a number that is taken');
  assert.match(dry.stdout, /^ *5 +username .*carol/m, 'row 5, after an empty one');
  assert.match((await ctl(['user', 'import', book, '--sheet', 'Nobody'], { code: 1 })).stderr, /“Staff”, “Dates and 数字”/);
  await ctl(['user', 'import', '-', '--partial'], { code: 1, input: fs.readFileSync(book) });
  const { items } = await yd.api('GET', '/users?sort=username&limit=100');
  assert.deepEqual(items.filter((it) => ['zhangwei', 'bob', 'dora'].includes(it.username)).map((it) => [it.username, it.name, it.number]),
    [['dora', 'Dora D', '1002'], ['zhangwei', '张伟', '007']]);
  await ctl(['user', 'delete', 'zhangwei', 'dora', '--yes']);
  const none = path.join(yd.home, 'none.xlsx');
  fs.writeFileSync(none, 'PK\x03\x04 and nothing more');
  assert.match((await ctl(['user', 'import', none], { code: 1 })).stderr, /damaged|no \.xlsx/);
});

test('the first log-in asks for a new password', async () => {
  const folder = path.join(yd.home, 'ctl', 'carol');
  const env = { XDG_CONFIG_HOME: folder };
  const login = ['login', yd.url, '--ca', yd.ca, '--username', 'carol', '--password-stdin'];
  await ok(program('deskctl'), login, { env, input: `${carol.first}\n` });
  const before = await run(program('deskctl'), ['desktop', 'mine'], { env });
  assert.equal(before.code, 4);
  assert.match(before.stderr, /deskctl password/);
  await ok(program('deskctl'), ['password', '--password-stdin'], { env, input: `${carol.first}\n${carol.password}\n` });
  await ok(program('deskctl'), ['desktop', 'mine'], { env });
});

test('a network, a template sent from here, a pool with a policy', async () => {
  await ctl(['network', 'add', 'office', '--cidr', '10.97.0.0/24', '--first', '10.97.0.10', '--last', '10.97.0.20']);
  assert.deepEqual(rows((await ctl(['network', 'list', '--columns', 'name,cidr,state,addresses_total'])).stdout),
    [['office', '10.97.0.0/24', 'active', '11']]);
  const image = await guestImage('tiny');
  await ctl(['template', 'import', 'tiny', image, '--os', 'linux', '--access', 'rdp', '--notes', 'the first']);
  await ctl(['template', 'import', 'tiny', path.join(yd.home, 'yundesk.conf')], { code: 1 });
  const versions = await yd.ctlJson(['template', 'versions', 'tiny', '--sort', 'number']);
  assert.deepEqual(versions.map((it) => [it.number, it.state]), [[1, 'ready'], [2, 'failed']]);
  await ctl(['template', 'delete-version', 'tiny:2', '--yes']);
  await ctl(['pool', 'add', 'staff', '--template', 'tiny', '--network', 'office', '--memory', '128M', '--vcpus', '1',
    '--policy', 'clipboard=false', '--policy', 'shutdown_seconds=20']);
  await ctl(['pool', 'edit', 'staff', '--policy', 'drives=false', '--description', 'for all']);
  const pool = one(await yd.ctlJson(['pool', 'show', 'staff']));
  assert.equal(pool.policy.clipboard, false);
  assert.equal(pool.policy.drives, false);
  assert.equal(pool.memory_mib, 128);
  assert.equal(pool.template_number, 1);
  await ctl(['pool', 'grant', 'staff', '--department', 'Verkauf']);
  assert.match((await ctl(['pool', 'grants', 'staff'])).stdout, /Verkauf/);
  assert.match((await ctl(['template', 'delete-version', 'tiny:1', '--yes'], { code: 1 })).stderr, /staff/);
});

test('a desktop is handed out, started, looked at, changed and made anew', async () => {
  const handout = await ctl(['pool', 'handout', 'staff', '--user', 'carol']);
  assert.match(handout.stderr, /handout/, 'plain lines say how it goes');
  const [desktop] = await yd.ctlJson(['desktop', 'list', '--filter', 'state=off']);
  assert.equal(desktop.username, 'carol');
  const name = desktop.name;
  await ctl(['desktop', 'start', name]);
  assert.equal(one(await yd.ctlJson(['desktop', 'show', name])).state, 'ready');
  const mine = await ctl(['desktop', 'mine'], { as: carol });
  assert.deepEqual(rows(mine.stdout), [['staff', 'rdp', 'yes', name, 'ready', '-', '-']]);
  assert.match((await ctl(['desktop', 'stats', name])).stdout, /^Memory +128 MiB/m);
  const shot = path.join(yd.home, 'shot.png');
  await ctl(['desktop', 'screenshot', name, '--out', shot]);
  assert.equal(fs.readFileSync(shot).subarray(1, 4).toString(), 'PNG');
  const resized = await ctl(['desktop', 'resize', name, '--memory', '160M']);
  assert.match(resized.stdout, /changed/);
  await ctl(['desktop', 'shutdown', name]);
  await ctl(['desktop', 'rebuild', name, '--yes']);
  await ctl(['desktop', 'edit', name, '--name', 'carols']);
  const after = one(await yd.ctlJson(['desktop', 'show', 'carols']));
  assert.equal(after.state, 'off');
  assert.equal(after.next_memory_mib, 160, 'the machine ran, so its new memory counts from the next start');
  assert.match((await ctl(['network', 'addresses', 'office'])).stdout, /10\.97\.0\.10 .*carols/);
  assert.match((await ctl(['pool', 'delete', 'staff', '--yes'], { code: 1 })).stderr, /1 desktop/);
});

test('a person connects, is seen, and is disconnected', async () => {
  const out = path.join(yd.home, 'carols.rdp');
  // The desktop is off: it is started on the way, with its new memory.
  const shown = await ctl(['desktop', 'connect', '--rdp', '--out', out], { as: carol });
  assert.match(shown.stdout, /^user: +carol\none-time password: \S{8,}$/m);
  assert.equal(one(await yd.ctlJson(['desktop', 'show', 'carols'])).memory_mib, 160);
  assert.equal(fs.statSync(out).mode & 0o777, 0o600);
  const file = fs.readFileSync(out, 'utf8');
  assert.match(file, /loadbalanceinfo:s:Cookie: msts=[\w-]{43}/);
  assert.match(file, /signature:s:/);
  assert.match(file, /redirectclipboard:i:0/, "the pool's policy");
  const vv = await ctl(['desktop', 'connect', 'staff', '--spice', '--out', '-'], { as: carol });
  assert.match(vv.stdout, /^\[virt-viewer\]/m);
  const [session] = await yd.ctlJson(['session', 'list', '--filter', 'state=new,open', '--limit', '1']);
  assert.equal(session.username, 'carol');
  await ctl(['session', 'disconnect', session.id, '--yes']);
  assert.equal(one(await yd.ctlJson(['session', 'show', session.id])).state, 'ended');
  await ctl(['desktop', 'connect', 'staff', '--console'], { as: carol, code: 4 });
  await ctl(['user', 'list'], { as: carol, code: 4 });
});

test('hosts, jobs and the audit log', async () => {
  // One poll of a busy host may be late; what it says in the end counts.
  await poll('the host is up', async () => /local +up +tcg/.test((await ctl(['host', 'list'])).stdout), { seconds: 30, every: 1000 });
  await ctl(['host', 'maintenance', 'local', 'on']);
  assert.match((await ctl(['desktop', 'power-off', 'carols', '--yes'])).stdout, /carols/);
  const refused = await ctl(['desktop', 'start', 'carols'], { code: 5 });
  assert.match(refused.stderr, /maintenance/, 'says which filter');
  await ctl(['host', 'maintenance', 'local', 'off']);
  const jobs = await yd.ctlJson(['job', 'list', '--limit', '3']);
  assert.equal(jobs.length, 3);
  assert.ok(jobs[0].created >= jobs[2].created, 'the newest first');
  await ctl(['job', 'follow', (await yd.ctlJson(['job', 'list', '--filter', 'state=done', '--limit', '1']))[0].id]);
  await ctl(['job', 'follow', 'job-01jd0000000000000000000000'], { code: 3 });
  const audit = await ctl(['audit', 'list', '--filter', 'act=user.create', '--columns', 'act,username,object_name,outcome', '--all']);
  assert.ok(rows(audit.stdout).some((row) => row.join() === 'user.create,admin,carol,ok'), audit.stdout);
});

test('taking back: no entitlement, no connection; then everything goes', async () => {
  await ctl(['pool', 'revoke', 'staff', '--department', 'Verkauf', '--yes']);
  await ctl(['desktop', 'connect', 'carols'], { as: carol, code: 4 });
  await ctl(['desktop', 'delete', 'carols', '--yes']);
  await ctl(['pool', 'delete', 'staff', '--yes']);
  await ctl(['template', 'delete-version', 'tiny:1', '--yes']);
  await ctl(['template', 'delete', 'tiny', '--yes']);
  await ctl(['network', 'delete', 'office', '--yes']);
  const half = await ctl(['department', 'delete', '财务部', 'Verkauf', '--yes'], { code: 1 });
  assert.match(half.stdout, /财务部: deleted/, 'one that can not be deleted does not hold up the other');
  assert.match(half.stderr, /Verkauf.*2 member/);
  await ctl(['user', 'delete', 'carol', 'dave', 'erin', '--yes']);
  await ctl(['department', 'remove', 'Verkauf', '--yes']);
  const overview = await yd.ctlJson(['overview']);
  for (const noun of ['departments', 'templates', 'networks', 'pools', 'desktops']) assert.equal(overview[noun].all, 0, noun);
});
