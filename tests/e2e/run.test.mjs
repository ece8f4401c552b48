// SPDX-License-Identifier: Apache-2.0
// needs: release build, web console, web console
// alone
// ./run with the small guest, in a laboratory: from nothing to a desktop, killed in the middle and run again, a second run
// in seconds, stop, start, reset; and other people's machines and networks are left as they were.

import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { dir, logDir, ok, poll, run, sleep, virsh } from '../lib/process.mjs';
import { source } from '../lib/product.mjs';
import { rdpOpen } from '../lib/wire.mjs';

const home = path.join(dir, 'home-run');
const env = { YUNDESK_HOME: home, ASAN_OPTIONS: '', UBSAN_OPTIONS: '' };
const yundesk = (args, seconds = 600) => run(path.join(source, 'run'), args, { env, seconds });
const deskctl = path.join(home, 'bin/deskctl');
let port;

// The daemons outlive ./run, as they should; the laboratory ends them.
function startInBackground(args) {
  const fd = fs.openSync(path.join(logDir, 'run-cut.log'), 'a');
  return spawn(path.join(source, 'run'), args, { env: { ...process.env, ...env }, stdio: ['ignore', fd, fd], detached: true });
}

test('others have a machine and a network here already', async () => {
  const network = path.join(dir, 'foreign-net.xml');
  fs.writeFileSync(network, "<network><name>yd-foreign</name><bridge name='foreign0'/><ip address='10.213.0.1' netmask='255.255.255.0'/></network>");
  await virsh('net-define', network);
  await virsh('net-start', 'yd-foreign');
  const machine = path.join(dir, 'foreign.xml');
  fs.writeFileSync(machine, "<domain type='qemu'><name>yd-foreign</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>");
  await virsh('define', machine);
});

test('killed in the middle of the set-up, it goes on when run again', { timeout: 800000 }, async () => {
  const cut = startInBackground(['--guest', 'tiny', '--port', '8543']);
  const ended = new Promise((resolve) => { cut.on('exit', resolve); });
  const log = () => fs.readFileSync(path.join(logDir, 'run-cut.log'), 'utf8');
  await poll('the set-up has logged in', () => fs.existsSync(path.join(home, 'setup/yundesk')) || cut.exitCode !== null, { seconds: 500 });
  assert.equal(cut.exitCode, null, `it was still at work; it said:\n${log()}`);
  await sleep(300);
  process.kill(-cut.pid, 'SIGKILL');
  await ended;
  assert.equal(fs.existsSync(path.join(home, 'done')), false, 'it was cut before its end');
  const result = await yundesk(['--guest', 'tiny', '--port', '8543']);
  assert.equal(result.code, 0, result.stderr + result.stdout);
  fs.writeFileSync(path.join(logDir, 'run.log'), result.stdout);
  port = Number(/https:\/\/[^:/]+:(\d+)\//.exec(result.stdout)[1]);
  for (const name of ['admin', 'alice', 'bob']) {
    const password = new RegExp(`\\b${name} +one-time password +(\\S+)`).exec(result.stdout)?.[1];
    assert.ok(password, `a password for ${name}`);
    await ok(deskctl, ['login', `https://127.0.0.1:${port}`, '--ca', path.join(home, 'state/keys/ca.pem'), '--username', name,
      '--password-stdin', '--new-password-stdin', '--profile', name], { env, input: `${password}\nWillow-${name}-31-bridge\n` });
  }
  assert.equal(fs.existsSync(path.join(home, 'setup.secret')), false, 'no password stays behind');
});

test('the daemons run as users of their own', async () => {
  for (const [name, user] of [['deskd', 'yundesk'], ['deskgate', 'yundesk-gate'], ['deskhost', 'root']]) {
    const pid = fs.readFileSync(path.join(home, `run/${name}.pid`), 'utf8').trim();
    assert.equal((await ok('ps', ['-o', 'user:20=', '-p', pid])).trim(), user, name);
  }
});

test('alice reaches her desktop', { timeout: 300000 }, async () => {
  const result = await run(deskctl, ['desktop', 'connect', '--rdp', '--json', '--profile', 'alice'], { env, seconds: 240 });
  assert.equal(result.code, 0, result.stderr);
  const { granted, wire } = await rdpOpen(port, JSON.parse(result.stdout).ticket);
  assert.ok(granted);
  wire.close();
});

test('a restore point of it is made and looked into', { timeout: 200000 }, async () => {
  const admin = async (...args) => ok(deskctl, [...args, '--profile', 'admin'], { env, seconds: 120 });
  const desktop = JSON.parse(await admin('desktop', 'list', '--json')).find((it) => it.username === 'alice');
  await admin('restore-point', 'make', desktop.name);
  const [point] = JSON.parse(await admin('restore-point', 'list', '--json'));
  assert.match(await admin('restore-point', 'files', point.id, '/boot', '--disk', 'system'), /vmlinuz/);
});

test('a second run takes seconds and shows no password', async () => {
  const began = Date.now();
  const result = await yundesk([]);
  assert.equal(result.code, 0, result.stderr);
  assert.ok(Date.now() - began < 30000, `${Date.now() - began} ms`);
  assert.doesNotMatch(result.stdout, /one-time/);
  const status = await yundesk(['--status']);
  assert.equal(status.code, 0, status.stdout);
  assert.match(status.stdout, /deskgate: runs/);
});

test('stop ends the daemons and leaves the desktops; start brings them back', async () => {
  assert.equal((await yundesk(['--stop'])).code, 0);
  assert.notEqual((await yundesk(['--status'])).code, 0);
  assert.match(await virsh('list', '--name'), /yd-dsk/);
  assert.equal((await yundesk([])).code, 0);
  assert.equal((await run(deskctl, ['whoami', '--profile', 'alice'], { env })).code, 0, 'log-ins live on');
});

test('a taken port is told of, and another one used', async () => {
  assert.equal((await yundesk(['--stop'])).code, 0);
  const net = await import('node:net');
  const other = net.createServer();
  await new Promise((resolve) => { other.listen(8600, '127.0.0.1', resolve); });
  const result = await yundesk(['--port', '8600']);
  other.close();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /8600 is taken/);
  assert.doesNotMatch(result.stdout, /:8600\//);
});

test('reset removes what was made, and nothing of others', async () => {
  const result = await yundesk(['--reset']);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(fs.existsSync(home), false);
  assert.equal((await virsh('list', '--all', '--name')).trim(), 'yd-foreign');
  assert.equal((await virsh('net-list', '--name')).trim(), 'yd-foreign');
  assert.equal((await run('getent', ['passwd', 'yundesk-gate'])).code, 2, 'the user that it made is gone');
});
