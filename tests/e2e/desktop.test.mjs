// SPDX-License-Identifier: Apache-2.0
// needs: desktop guest
// alone
// seconds: 1800
// The demo office desktop: xfreerdp, through the gate and with the one-time password, shows the logged-in light session;
// judged by the picture and by the guest agent, since a wrong password "connects" as well. Then the same session in
// Chromium: typing, clipboard both ways, a reload, back to xfreerdp and again, cut by the administrator.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Browser, picture } from '../lib/browser.mjs';
import { Detour } from '../lib/detour.mjs';
import { agent, guestShell, guestShellAs, guestStart, machine } from '../lib/guest.mjs';
import { Program, dir, ok, poll, run, virsh } from '../lib/process.mjs';
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
  // The laboratory's /etc is its own; the gate is at that address.
  fs.appendFileSync('/etc/hosts', '127.0.0.1 office-alice.desks.test wrong.desks.test\n');
  yd = await Product.start({ config: { deskd: { desktop_domain: 'desks.test' } } });
  screen = await startScreen({ width: 1024, height: 768 });
});
after(async () => {
  await client?.stop();
  await line?.stop();
  await browser?.stop();
  await screen?.stop();
  await yd?.stop();
});

// Closes xfreerdp's window: deskctl ends with it.
const endClient = () => run('sh', ['-c', 'xdotool search --class xfreerdp windowclose %@; sleep 1'], { env: screen.env });

const startClient = () => new Program('deskctl', program('deskctl'), ['desktop', 'connect', 'office', '--rdp', '--open', '--size', '1024x768'],
  { env: { ...screen.env, XDG_CONFIG_HOME: path.join(yd.home, 'ctl', 'alice') } });

test('a desktop of the demo image is derived, booted and made its own', { timeout: 600000 }, async () => {
  // One CPU: QEMU 7.2's emulation of several loses races with the kernel patching its own text, about one boot in ten.
  office = await yd.office({ guest: 'desktop', memory: 1536, vcpus: 1, disk: 10 });
  alice = await yd.person('alice', { department: office.department.id });
  const connection = await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp', seconds: 500 });
  assert.equal(connection.state, 'ready');
  const facts = await guestShell('hostname; cat /etc/machine-id; stat -c "%U:%G %a" /etc/xrdp/key.pem; cat /etc/default/vdi-session; id -u alice; openssl x509 -in /etc/xrdp/cert.pem -noout -issuer');
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
    await poll('the guest agent says alice is logged in', async () => {
      const users = await agent({ execute: 'guest-get-users' });
      return users.some((it) => it.user === 'alice');
    }, { seconds: 120, every: 1000 });
    await poll('wallpaper and panel are on the screen', async () => {
      const png = await screen.shot('desktop-rdp');
      return await share(png, WALLPAPER) > 0.7 && await share(png, PANEL, '1024x34+0+734') > 0.5;
    }, { seconds: 120, every: 2000 });
    const png = await screen.shot('desktop-rdp');
    assert.ok(await share(png, WALLPAPER, '1024x34+0+734') < 0.3, 'the panel is no plain wallpaper');
    // Verified by the name and the CA that deskctl fetched: nothing was ignored.
    const line = (await run('ps', ['-eo', 'args'])).stdout.split('\n').find((it) => /^\S*xfreerdp/.test(it));
    assert.match(line, / \/cert:deny /);
    assert.doesNotMatch(line, /fingerprint|ignore|tofu/);
    const processes = await guestShell('ps -u alice -o comm=');
    assert.match(processes, /openbox/);
    assert.match(processes, /tint2/);
  } finally {
    await endClient();
    await client.stop();
  }
});

test('xfreerdp believes the desktop by its own name and the product’s CA, and no other name', { timeout: 120000 }, async () => {
  const answer = await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  assert.equal(answer.host, 'office-alice.desks.test');
  const file = path.join(dir, 'named.rdp');
  const as = async (name) => {
    fs.writeFileSync(file, answer.file.content.replaceAll('office-alice.desks.test', name));
    // +auth-only: ends once it is through with TLS and the first packets.
    const it = await run('timeout', ['40', 'xfreerdp', file, '/u:alice', '/d:', '/from-stdin:force', '/cert:deny', '/size:800x600', '+auth-only'],
      { env: { ...screen.env, SSL_CERT_FILE: yd.ca, HOME: dir }, input: `${answer.password}\n` });
    return it.stdout + it.stderr;
  };
  const refused = /CERTIFICATE NAME MISMATCH|certificate verification failure|TLS_CONNECT_FAILED/i;
  assert.match(await as('wrong.desks.test'), refused);
  assert.doesNotMatch(await as('office-alice.desks.test'), refused);
});

test('the session lives on after the client has gone', async () => {
  const users = await agent({ execute: 'guest-get-users' });
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

const inSession = (command) => guestStart('alice', command);
const inGuest = (script) => guestShellAs('alice', script);
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
  await poll('the text is in the guest', async () => (await inGuest('timeout 10 xclip -o -selection clipboard')) === 'von außen: 你好, €', { seconds: 60, every: 1000 });
  await inGuest('printf "from inside: 你好" | xclip -selection clipboard >/dev/null 2>&1 &');
  await poll('the text is in the panel', async () => (await page.getByTestId('clipboard').inputValue()) === 'from inside: 你好', { seconds: 60, every: 1000 });
});

test('a reload comes back into the same session', { timeout: 200000 }, async () => {
  await page.reload();
  await opened();
  await showsDesktop('viewer-rdp-again');
  assert.match(await inGuest('ps -u alice -o comm='), /xfce4-terminal/, 'what was open is still open');
});

// ---- xfreerdp and the browser in turns: a drive, a line that is cut, and what a policy takes away ----

const given = path.join(dir, 'given'); // what xfreerdp brings along
let line; // its way to the gate
let client;

// xfreerdp with the product's file, or (greedy) without: then it asks for everything, whatever the policy says.
async function takeOver({ greedy = false } = {}) {
  const { ticket, file, username, password } = await yd.connect(alice, { pool: office.pool.id });
  const secret = path.join(dir, 'password');
  fs.writeFileSync(secret, `${password}\n`);
  const rdp = path.join(dir, 'client.rdp');
  fs.writeFileSync(rdp, file.content.replace(/^((?:alternate )?full address:s:.*:|server port:i:)\d+/gm, `$1${line.port}`)
    .replace(/^sign.*\r\n/gm, ''));
  const where = greedy ? [`/v:127.0.0.1:${line.port}`, `/load-balance-info:Cookie: msts=${ticket}`, '+clipboard', '/sound'] : [rdp];
  const former = client;
  client = new Program('xfreerdp', 'sh', ['-c', 'exec "$(command -v xfreerdp3 || command -v xfreerdp)" "$@" <"$0"', secret, ...where,
    `/u:${username}`, '/d:', '/from-stdin:force', '/cert:ignore', '/size:1024x768', `/drive:given,${given}`], { env: screen.env });
  await former?.ended; // xrdp lets one in at a time
}

// The background takes the colour in the guest, and the client shows it: what it shows is of now.
async function live(colour) {
  await inGuest(`xsetroot -solid "${colour}"`);
  await poll(`${colour} on xfreerdp's screen`, async () => await share(await screen.shot('xfreerdp'), colour) > 0.2, { seconds: 120, every: 500 });
}

const desktopOf = () => inGuest('pgrep -u alice -x openbox');
const onDrive = (name) => inGuest(`timeout 10 cat ~alice/thinclient_drives/given/${name} 2>/dev/null`);
const printed = (name) => fs.existsSync(path.join(given, 'Print', name)) && fs.readFileSync(path.join(given, 'Print', name), 'utf8');
const copyInside = (text) => inGuest(`printf "${text}" | xclip -selection clipboard >/dev/null 2>&1 &`);
const pasteInside = () => inGuest('timeout 10 xclip -o -selection clipboard 2>/dev/null');
const copyOutside = (text) => ok('sh', ['-c', 'printf %s "$0" | xclip -selection clipboard >/dev/null 2>&1', text], { env: screen.env });
const pasteOutside = async () => (await run('timeout', ['10', 'xclip', '-o', '-selection', 'clipboard'], { env: screen.env })).stdout;
const print = (title) => inGuest(`lp -t "${title}" /tmp/page.pdf`);

const PAGE = '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n'
  + '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n';

async function policy(...members) {
  const { code, stderr } = await yd.ctl(['pool', 'edit', 'office', ...members.flatMap((member) => ['--policy', member])]);
  assert.equal(code, 0, stderr);
}

test('xfreerdp takes the session over and brings a drive: what is printed there lies on it', { timeout: 300000 }, async () => {
  const before = await desktopOf();
  await guestShell(`echo ${Buffer.from(PAGE).toString('base64')} | base64 -d >/tmp/page.pdf`);
  await page.goto('/account');
  fs.mkdirSync(given);
  fs.writeFileSync(path.join(given, 'first.txt'), 'of the client');
  line = await Detour.plain(yd);
  await takeOver();
  await live('#20603a');
  assert.equal(await desktopOf(), before, 'it is the session that the browser showed');
  await poll('the drive is in the session', async () => await onDrive('first.txt') === 'of the client', { seconds: 60, every: 500 });
  await print('Bericht 2026');
  await poll('the PDF is on the client’s side', () => printed('Bericht-2026.pdf') === PAGE, { seconds: 120, every: 200 });
});

test('a line that is cut: xfreerdp comes back by itself, into the same session, with the same ticket', { timeout: 300000 }, async () => {
  const before = await desktopOf();
  const rows = async () => (await yd.api('GET', '/connections?state=open&protocol=rdp')).items;
  const [row, ...others] = await rows();
  assert.deepEqual([row.redeems, others.length], [0, 0]);
  const { taken } = line;
  line.down = true;
  line.cut();
  fs.writeFileSync(path.join(given, 'second.txt'), 'written after the cut');
  await poll('the session is dropped', async () => (await yd.api('GET', `/connections/${row.id}`)).state === 'dropped', { seconds: 30 });
  const began = Date.now();
  line.down = false;
  await poll('xfreerdp connects again', () => line.taken > taken, { seconds: 60 });
  await live('#603a20');
  console.log(`# the picture was there again ${Date.now() - began} ms after the line was`);
  await poll('the drive is there again', async () => await onDrive('second.txt') === 'written after the cut', { seconds: 60, every: 500 });
  assert.ok(client.alive);
  assert.equal(await desktopOf(), before, 'the programs are those of before');
  assert.deepEqual((await rows()).map((it) => it.id), [row.id], 'no other ticket was needed');
  const { stdout } = await yd.ctl(['session', 'show', row.id]);
  assert.match(stdout, /^STATE +open$/m);
  assert.match(stdout, /^RECONNECTS +[1-9]\d*$/m);
});

test('a policy that changes while the desktop runs counts from the next ticket on, for every client', { timeout: 400000 }, async () => {
  const before = await desktopOf();
  await policy('drives=false', 'clipboard=false', 'audio=false');
  assert.equal(await onDrive('second.txt'), 'written after the cut', 'an open session goes on as it is');
  await takeOver({ greedy: true });
  const told = await guestShell('cat /etc/yundesk-policy; grep -A1 "^;yundesk+" /etc/xrdp/xrdp.ini');
  for (const line of ['drives=no', 'clipboard=no', 'audio=no', 'printers=yes', 'rdpdr=false', 'cliprdr=false', 'rdpsnd=false']) {
    assert.ok(told.split('\n').includes(line), `${line} in ${told}`);
  }
  await live('#3a2060');
  assert.equal(await desktopOf(), before);
  await print('No drive');
  await poll('the PDF is in ~/Print', async () => await inGuest('cat ~alice/Print/No-drive.pdf 2>/dev/null') === PAGE, { seconds: 120, every: 500 });
  await copyOutside('secret of the client');
  await copyInside('secret of the desktop');
  await live('#602058');
  assert.equal(await onDrive('first.txt'), '', 'no drive');
  assert.ok(!printed('No-drive.pdf'));
  assert.equal(await pasteInside(), 'secret of the desktop', 'nothing came in');
  assert.equal(await pasteOutside(), 'secret of the client', 'nothing went out');
});

test('and when it is taken back, everything is there again', { timeout: 300000 }, async () => {
  await policy('drives=true', 'clipboard=true', 'audio=true');
  await takeOver({ greedy: true });
  assert.equal(await guestShell('grep -h "^;yundesk" /etc/xrdp/xrdp.ini /etc/xrdp/sesman.ini'), '', 'the template’s own lines are back');
  await live('#205860');
  await poll('the drive is there', async () => await onDrive('first.txt') === 'of the client', { seconds: 60, every: 500 });
  await copyOutside('from outside');
  await poll('the client’s text is in the desktop', async () => await pasteInside() === 'from outside', { seconds: 60, every: 500 });
  await copyInside('from inside');
  await poll('the desktop’s text is at the client', async () => await pasteOutside() === 'from inside', { seconds: 60, every: 500 });
});

test('a browser without clipboard: the page says why, and the gate closes the channel whatever page and desktop do', { timeout: 300000 }, async () => {
  await policy('clipboard=false');
  const before = await desktopOf();
  await page.goto('/portal');
  await page.getByRole('button', { name: 'Connect' }).click();
  await opened();
  await page.getByText('No clipboard: the pool’s policy forbids it').waitFor();
  for (const name of ['Clipboard', 'Files']) assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
  await client.ended;
  await line.stop();
  // A page that lies, and a desktop that forgot: the gate alone is left.
  await guestShell('sed -i s/^cliprdr=false/cliprdr=true/ /etc/xrdp/xrdp.ini');
  await page.route('**/connections', async (route) => {
    const response = await route.fetch();
    return route.fulfill(response.status() === 201 ? { response, json: { ...await response.json(), clipboard: true } } : { response });
  });
  const disabled = async () => Number(await guestShell('grep -c "message for the disabled channel off" /var/log/xrdp.log'));
  const count = await disabled();
  await page.reload();
  await opened();
  await inGuest('xsetroot -solid "#24506a"');
  await showsDesktop('viewer-no-clipboard');
  await copyInside('secret of the desktop');
  await page.getByRole('button', { name: 'Clipboard' }).click();
  await page.getByTestId('clipboard').fill('smuggled in');
  await page.getByRole('button', { name: 'Send to the desktop' }).click();
  await poll('xrdp gets what the page sends on a channel of no name', async () => await disabled() > count, { seconds: 60, every: 1000 });
  assert.equal(await pasteInside(), 'secret of the desktop', 'nothing came in');
  assert.equal(await page.getByTestId('clipboard').inputValue(), 'smuggled in', 'nothing went out');
  await page.getByRole('button', { name: 'Clipboard' }).click();
  assert.equal(await desktopOf(), before);
  assert.equal(await writes('us', 'KeyG KeyO KeyO KeyD'), 'good', 'keys and picture go on');
  await page.unroute('**/connections');
  await policy('clipboard=true');
  await page.reload();
  await opened();
  await showsDesktop('viewer-rdp-back');
});

// ---- keyboards, files, log-ins and people who went away ----

// Presses keys by their place on the keyboard, "AltRight+KeyQ" with one held.
async function pressPlaces(places) {
  for (const place of places.split(' ')) {
    const keys = place.split('+');
    for (const key of keys.slice(0, -1)) await page.keyboard.down(key);
    await page.keyboard.press(keys.at(-1), { delay: 60 });
    for (const key of keys.slice(0, -1).reverse()) await page.keyboard.up(key);
  }
  await page.keyboard.press('Enter', { delay: 60 });
}

// Chooses the layout in the toolbar; the viewer connects anew for it.
async function choose(layout) {
  if (await page.getByLabel('Keyboard').inputValue() === layout) return;
  await page.getByLabel('Keyboard').selectOption(layout);
  await page.locator('.yd-viewer:not([data-phase=open])').waitFor();
  await opened();
  await showsDesktop(`viewer-${layout}`);
}

// What these keys write in the guest (the terminal's cat is still there), in this layout.
async function writes(layout, places) {
  await choose(layout);
  const box = await page.locator('[data-testid=screen]').boundingBox();
  let text = '';
  await poll(`a line typed in layout ${layout} arrives`, async () => {
    await inGuest(': >~alice/typed');
    await page.mouse.click(box.x + 300, box.y + 220);
    await pressPlaces(places);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    text = (await inGuest('cat ~alice/typed')).replaceAll('\0', '');
    return text.endsWith('\n') && text.length > 3;
  }, { seconds: 60, every: 500 });
  return text.trimEnd().split('\n').pop();
}

test('the keys of a German and a French keyboard write what is printed on them', { timeout: 300000 }, async () => {
  assert.equal(await writes('us', 'KeyY KeyZ Semicolon Digit2'), 'yz;2');
  // ö ä ü ß, y and z changed places, @ by AltGr, é by a dead key.
  assert.equal(await writes('de', 'Semicolon Quote BracketLeft Minus KeyY KeyZ AltRight+KeyQ Equal KeyE'), 'öäüßzy@é');
  assert.equal(await writes('fr', 'KeyQ Digit2 Digit0 Quote AltRight+Digit0 BracketLeft KeyE'), 'aéàù@ê');
  await choose('us');
});

test('files go through the clipboard both ways', { timeout: 200000 }, async () => {
  await inGuest('printf "made inside" >~alice/inside.txt; printf "copy\nfile:///home/alice/inside.txt" | xclip -selection clipboard -t x-special/gnome-copied-files >/dev/null 2>&1 &');
  const save = page.getByRole('button', { name: /^Save inside.txt/ });
  await save.waitFor({ timeout: 60000 });
  const [saved] = await Promise.all([page.waitForEvent('download'), save.click()]);
  assert.equal(fs.readFileSync(await saved.path(), 'utf8'), 'made inside');
  const outside = path.join(dir, 'outside.txt');
  fs.writeFileSync(outside, 'made outside: 你好');
  await page.getByRole('button', { name: 'Files', exact: true }).click();
  await page.getByLabel('Send files to the desktop').first().setInputFiles(outside);
  // As a file manager pastes: it is told the names, and reads the files.
  let name = '';
  await poll('the desktop is offered the file', async () => {
    name = (await inGuest('timeout 10 xclip -o -selection clipboard -t text/uri-list')).trim();
    return name.startsWith('file://');
  }, { seconds: 60, every: 1000 });
  assert.equal(await inGuest(`timeout 20 cat "${decodeURIComponent(new URL(name.split(/\s/)[0]).pathname)}"`), 'made outside: 你好');
});

test('what is printed in a browser’s session can be saved there', { timeout: 200000 }, async () => {
  await print('For the browser');
  const save = page.getByRole('button', { name: /^Save For-the-browser.pdf/ });
  await save.waitFor({ timeout: 120000 });
  const [saved] = await Promise.all([page.waitForEvent('download'), save.click()]);
  assert.equal(fs.readFileSync(await saved.path(), 'utf8'), PAGE);
});

test('a wrong password is told in words, and another try goes on with the session', { timeout: 200000 }, async () => {
  const before = await inGuest('pgrep -u alice -x openbox');
  const rows = async () => (await yd.api('GET', '/connections?protocol=rdp-web&sort=-created')).items;
  await poll('the log-in of before was seen', async () => (await rows())[0].log_in === 'in', { seconds: 60 }).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify((await rows())[0])}`);
  });
  await guestShell('echo alice:something-else | chpasswd');
  const began = Date.now();
  await page.reload();
  await page.getByText('The desktop did not accept the one-time password.').waitFor({ timeout: 90000 });
  assert.equal(await phase(), 'ended');
  console.log(`# a wrong password was told after ${Date.now() - began} ms`);
  await picture(page, 'viewer-refused');
  const [row] = await rows();
  assert.deepEqual([row.log_in, row.state, row.reason], ['failed', 'ended', 'the desktop refused the log-in']);
  const shown = await yd.ctl(['session', 'show', row.id]);
  assert.match(shown.stdout, /failed/);
  await page.getByRole('button', { name: 'Connect again' }).click();
  await opened();
  await poll('the new log-in was seen', async () => (await rows())[0].log_in === 'in', { seconds: 60 });
  await showsDesktop('viewer-after-refusal');
  assert.equal(await inGuest('pgrep -u alice -x openbox'), before, 'it is the same session');
});

test('a viewer that crashes comes back into the session by itself', { timeout: 120000 }, async () => {
  const loaded = page.waitForEvent('load');
  await page.evaluate(() => window.setTimeout(() => {
    throw new WebAssembly.RuntimeError('unreachable');
  }, 0));
  await loaded;
  await opened();
  await showsDesktop('viewer-restarted');
  browser.faults = browser.faults.filter((fault) => !/unreachable/.test(fault));
});

test('who does nothing is warned, can stay, and is disconnected in the end', { timeout: 120000 }, async () => {
  const pool = await yd.api('GET', `/pools/${office.pool.id}`);
  await yd.api('PATCH', `/pools/${pool.id}`, { body: { policy: { idle_seconds: 20, idle_notice_seconds: 15 } }, headers: { 'If-Match': `"${pool.version}"` } });
  await page.reload();
  await opened();
  const notice = page.getByTestId('idle-notice');
  await notice.waitFor({ timeout: 30000 });
  await picture(page, 'viewer-idle');
  await page.getByRole('button', { name: 'Stay connected' }).click();
  await notice.waitFor({ state: 'detached' });
  assert.equal(await phase(), 'open');
  await page.getByText('Nobody used it for some time.').waitFor({ timeout: 60000 });
  assert.equal(await phase(), 'ended');
  assert.match(await inGuest('ps -u alice -o comm='), /openbox/, 'the session in the guest goes on');
  await page.getByRole('button', { name: 'Connect again' }).click();
  await opened();
});

test('an administrator cuts the session, and the page says so', { timeout: 120000 }, async () => {
  const { items } = await yd.api('GET', '/connections?state=open&protocol=rdp-web');
  assert.equal(items.length, 1);
  await yd.api('DELETE', `/connections/${items[0].id}`);
  await page.getByText('An administrator has disconnected it').waitFor({ timeout: 20000 });
  assert.equal(await phase(), 'ended');
});
