// SPDX-License-Identifier: Apache-2.0
// needs: desktop guest
// alone
// What the README promises: one command opens the demo office desktop by RDP and its screen by SPICE, and the person is
// logged in. deskctl starts the real clients; the picture and the guest agent tell.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Program, dir, poll, run, virsh } from '../lib/process.mjs';
import { Product, program } from '../lib/product.mjs';
import { share, startScreen } from '../lib/screen.mjs';

const WALLPAPER = '#24506a'; // of the light session, and of the banner on the console
const runtime = path.join(dir, 'runtime');
let yd;
let screen;
let alice;

before(async () => {
  fs.mkdirSync(runtime, { mode: 0o700 });
  yd = await Product.start();
  screen = await startScreen({ width: 1024, height: 768 });
  const office = await yd.office({ guest: 'desktop', memory: 1536, vcpus: 2, disk: 10 });
  alice = await yd.person('alice', { department: office.department.id });
});
after(async () => {
  await screen?.stop();
  await yd?.stop();
});

// Files of ours; clients may put some of their own there.
const files = () => fs.readdirSync(runtime).filter((name) => name.startsWith('yundesk-'));

// deskctl desktop connect … as alice, with the screen.
async function open(name, args) {
  await yd.ctl(['whoami'], { as: alice }); // makes her profile
  return new Program(name, program('deskctl'), ['desktop', 'connect', ...args, '--open'],
    { env: { ...screen.env, XDG_CONFIG_HOME: path.join(yd.home, 'ctl', 'alice'), XDG_RUNTIME_DIR: runtime } });
}

const machine = async () => (await virsh('list', '--name')).trim().split('\n').find((name) => name.startsWith('yd-'));
const shows = (name, part) => poll(`${name} shows the desktop`, async () => await share(await screen.shot(name), WALLPAPER) > part, { seconds: 150, every: 2000 });

test('one command makes the desktop, starts it and shows the logged-in session', { timeout: 700000 }, async () => {
  const client = await open('open-rdp', ['office', '--rdp', '--size', '1024x768']);
  try {
    await poll('the guest agent says alice is logged in', async () => {
      assert.ok(client.alive, client.tail());
      const users = JSON.parse(await virsh('qemu-agent-command', '--timeout', '20', await machine(), '{"execute":"guest-get-users"}')).return;
      return users.some((it) => it.user === 'alice');
    }, { seconds: 500, every: 2000 });
    await shows('open-rdp', 0.7);
    // The certificate was pinned, and neither ticket nor password stands where others could read it.
    const lines = (await run('ps', ['-eo', 'args'])).stdout.split('\n').filter((line) => /^\S*xfreerdp/.test(line));
    assert.equal(lines.length, 1);
    assert.match(lines[0], /\/cert:fingerprint:sha256:[0-9a-f:]{95}/);
    assert.doesNotMatch(lines[0], /msts|\/p:/);
    const [file] = files();
    assert.equal(fs.statSync(path.join(runtime, file)).mode & 0o777, 0o600);
  } finally {
    await client.stop();
  }
  assert.deepEqual(files(), [], 'the file with the ticket is gone');
  await poll('the client has ended with deskctl', async () => !/^\S*xfreerdp/m.test((await run('ps', ['-eo', 'args'])).stdout));
});

test('its screen over SPICE', { timeout: 200000 }, async () => {
  const client = await open('open-spice', ['--spice']);
  try {
    await shows('open-spice', 0.03);
  } finally {
    await client.stop();
  }
  assert.deepEqual(files(), []);
});
