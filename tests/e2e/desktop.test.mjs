// SPDX-License-Identifier: Apache-2.0
// needs: desktop guest
// alone
// The demo office desktop: xfreerdp, through the gate and with the one-time password, shows the logged-in light session;
// judged by the picture and by the guest agent, since a wrong password "connects" as well. Then the same session in
// Chromium: typing, clipboard both ways, a reload, back to xfreerdp and again, cut by the administrator.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { Browser, picture } from '../lib/browser.mjs';
import { Program, dir, poll, run, virsh } from '../lib/process.mjs';
import { Product, program } from '../lib/product.mjs';
import { share, startScreen } from '../lib/screen.mjs';

const WALLPAPER = '#24506a'; // of the light session
const PANEL = '#1b2a33';
let yd;
let screen;
let alice;
let office;
let browser;
let page;

before(async () => {
  yd = await Product.start();
  screen = await startScreen({ width: 1024, height: 768 });
});
after(async () => {
  await browser?.stop();
  await screen?.stop();
  await yd?.stop();
});

async function agent(machine, command) {
  return JSON.parse(await virsh('qemu-agent-command', '--timeout', '20', machine, JSON.stringify(command))).return;
}

async function guestShell(machine, script) {
  const { pid } = await agent(machine, { execute: 'guest-exec', arguments: { path: '/bin/sh', arg: ['-c', script], 'capture-output': true } });
  const status = await poll(`"${script}" ends`, async () => {
    const it = await agent(machine, { execute: 'guest-exec-status', arguments: { pid } });
    return it.exited && it;
  }, { every: 300 });
  return Buffer.from(status['out-data'] ?? '', 'base64').toString();
}

// Closes xfreerdp's window: deskctl ends with it.
const endClient = () => run('sh', ['-c', 'xdotool search --class xfreerdp windowclose %@; sleep 1'], { env: screen.env });

const machine = async () => (await virsh('list', '--name')).trim().split('\n').find((name) => name.startsWith('yd-'));

const startClient = () => new Program('deskctl', program('deskctl'), ['desktop', 'connect', 'office', '--rdp', '--open', '--size', '1024x768'],
  { env: { ...screen.env, XDG_CONFIG_HOME: path.join(yd.home, 'ctl', 'alice') } });

test('a desktop of the demo image is derived, booted and made its own', { timeout: 600000 }, async () => {
  // One CPU: QEMU 7.2's emulation of several loses races with the kernel patching its own text, about one boot in ten.
  office = await yd.office({ guest: 'desktop', memory: 1536, vcpus: 1, disk: 10 });
  alice = await yd.person('alice', { department: office.department.id });
  const connection = await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp', seconds: 500 });
  assert.equal(connection.state, 'ready');
  const name = await machine();
  const facts = await guestShell(name, 'hostname; cat /etc/machine-id; stat -c "%U:%G %a" /etc/xrdp/key.pem; cat /etc/default/vdi-session; id -u alice; openssl x509 -in /etc/xrdp/cert.pem -noout -issuer');
  const [hostname, machineId, key, session, uid, issuer] = facts.trim().split('\n');
  assert.notEqual(hostname, 'desk', 'the host name is the desktop’s own');
  assert.match(machineId, /^[0-9a-f]{32}$/);
  assert.match(key, /:xrdp 640$|^xrdp:.* 6[04]0$/, 'xrdp can read its key, others can not');
  assert.match(session, /light/, 'the light session, since the CPU is emulated');
  assert.ok(Number(uid) >= 20000);
  assert.doesNotMatch(issuer, /CN ?= ?desk$/, 'the certificate is of the product’s CA');
});

test('xfreerdp through the gate shows the session, logged in as the person', { timeout: 300000 }, async () => {
  // As a person would: deskctl gets the ticket and the one-time password, and starts xfreerdp with them.
  await yd.ctl(['whoami'], { as: alice });
  const client = startClient();
  try {
    const name = await machine();
    await poll('the guest agent says alice is logged in', async () => {
      const users = await agent(name, { execute: 'guest-get-users' });
      return users.some((it) => it.user === 'alice');
    }, { seconds: 120, every: 1000 });
    await poll('wallpaper and panel are on the screen', async () => {
      const png = await screen.shot('desktop-rdp');
      return await share(png, WALLPAPER) > 0.7 && await share(png, PANEL, '1024x34+0+734') > 0.5;
    }, { seconds: 120, every: 2000 });
    const png = await screen.shot('desktop-rdp');
    assert.ok(await share(png, WALLPAPER, '1024x34+0+734') < 0.3, 'the panel is no plain wallpaper');
    const processes = await guestShell(name, 'ps -u alice -o comm=');
    assert.match(processes, /openbox/);
    assert.match(processes, /tint2/);
  } finally {
    await endClient();
    await client.stop();
  }
});

test('the session lives on after the client has gone', async () => {
  const users = await agent(await machine(), { execute: 'guest-get-users' });
  assert.ok(users.some((it) => it.user === 'alice'));
});

test('the console says that people come in by RDP', async () => {
  const name = await machine();
  const file = path.join(dir, 'console.ppm');
  await poll('the banner is on the console', async () => {
    await virsh('screenshot', name, file);
    return await share(file, WALLPAPER) > 0.03;
  }, { seconds: 90, every: 2000 });
});

// ---- the same session in a browser ----

// Runs something in alice's session, beside what she does.
const inSession = async (command) => guestShell(await machine(), `su alice -c 'DISPLAY=:10 setsid ${command} >/dev/null 2>&1 </dev/null &'`);
const inGuest = async (command) => guestShell(await machine(), `su alice -c '${command}'`);
const phase = () => page.locator('.yd-viewer').getAttribute('data-phase');
const opened = () => poll('the session is open in the browser', async () => (await phase()) === 'open', { seconds: 120, every: 500 });

async function canvas(name) {
  const file = path.join(dir, `${name}.png`);
  await page.locator('[data-testid=screen]').screenshot({ path: file });
  return file;
}

const showsDesktop = (name) => poll('the wallpaper is in the canvas', async () => await share(await canvas(name), WALLPAPER) > 0.2, { seconds: 120, every: 2000 });

test('two clicks after the log-in the session is in the browser', { timeout: 300000 }, async () => {
  const before = await inGuest('pgrep -u alice -x openbox');
  browser = await Browser.start(yd);
  page = await browser.as(alice, { where: '/portal' });
  const answered = page.waitForResponse((response) => response.url().endsWith('/connections') && response.status() === 201);
  await page.getByRole('button', { name: 'Connect' }).click();
  const answer = await (await answered).json();
  assert.equal(answer.password, null, 'the browser learns no password');
  assert.equal(answer.file, null);
  await page.waitForURL(/\/desktop\/dsk-/);
  await opened();
  await showsDesktop('viewer-rdp');
  await picture(page, 'viewer-rdp');
  assert.equal(await inGuest('pgrep -u alice -x openbox'), before, 'it is the session that xfreerdp showed');
});

test('what is typed in the browser arrives in the guest', { timeout: 300000 }, async () => {
  await inSession('xfce4-terminal --disable-server --geometry=80x24+100+100 -x sh -c "cat >~alice/typed"');
  await poll('the terminal is there', async () => /\bcat\b/.test(await inGuest('ps -u alice -o comm=')), { seconds: 150, every: 1000 });
  const box = await page.locator('[data-testid=screen]').boundingBox();
  const code = (key) => (key === ' ' ? 'Space' : key === ',' ? 'Comma' : /\d/.test(key) ? `Digit${key}` : `Key${key.toUpperCase()}`);
  let typed = '';
  await poll('the line is in the file', async () => {
    // The terminal may still be drawing itself, or lie under the pointer only now: clicked and typed again.
    await page.mouse.click(box.x + 300, box.y + 220);
    for (const key of 'hello, world 42') await page.keyboard.press(code(key), { delay: 60 });
    await page.keyboard.press('Enter', { delay: 60 });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    typed = await inGuest('cat ~alice/typed');
    return typed.includes('hello, world 42\n');
  }, { seconds: 120, every: 1000 }).catch(async (error) => {
    await picture(page, 'typed-failed');
    throw new Error(`${error.message}; the file holds ${JSON.stringify(typed)}`);
  });
});

test('text goes through the clipboard both ways', { timeout: 200000 }, async () => {
  await page.getByRole('button', { name: 'Clipboard' }).click();
  await page.getByTestId('clipboard').fill('von außen: 你好, €');
  await page.getByRole('button', { name: 'Send to the desktop' }).click();
  await poll('the text is in the guest', async () => (await inGuest('DISPLAY=:10 timeout 10 xclip -o -selection clipboard')) === 'von außen: 你好, €', { seconds: 60, every: 1000 });
  await inGuest('printf "from inside: 你好" | DISPLAY=:10 xclip -selection clipboard >/dev/null 2>&1 &');
  await poll('the text is in the panel', async () => (await page.getByTestId('clipboard').inputValue()) === 'from inside: 你好', { seconds: 60, every: 1000 });
});

test('a reload comes back into the same session', { timeout: 200000 }, async () => {
  await page.reload();
  await opened();
  await showsDesktop('viewer-rdp-again');
  assert.match(await inGuest('ps -u alice -o comm='), /xfce4-terminal/, 'what was open is still open');
});

test('xfreerdp takes the session over, and the browser gets it back', { timeout: 300000 }, async () => {
  const before = await inGuest('pgrep -u alice -x openbox');
  await page.goto('/account');
  const client = startClient();
  try {
    await poll('xfreerdp shows the desktop', async () => await share(await screen.shot('xfreerdp'), WALLPAPER) > 0.2, { seconds: 120, every: 2000 });
  } finally {
    await endClient();
    await client.stop();
  }
  await page.goto('/portal');
  await page.getByRole('button', { name: 'Connect' }).click();
  await opened();
  await showsDesktop('viewer-rdp-back');
  assert.equal(await inGuest('pgrep -u alice -x openbox'), before, 'it is the same session');
});

test('an administrator cuts the session, and the page says so', { timeout: 120000 }, async () => {
  const { items } = await yd.api('GET', '/connections?state=open&protocol=rdp-web');
  assert.equal(items.length, 1);
  await yd.api('DELETE', `/connections/${items[0].id}`);
  await page.getByText('An administrator has disconnected it').waitFor({ timeout: 20000 });
  assert.equal(await phase(), 'ended');
});
