// SPDX-License-Identifier: Apache-2.0
// needs: web console
// The screen of a machine in the browser (noVNC through the gate): the picture is QEMU's own, what is typed arrives in the
// guest, two windows at once, a session that an administrator cuts, a ticket that is too old, a gate that comes back.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { dir, ok, poll, run, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { ADDRESSES, Detour } from '../lib/detour.mjs';
import { Browser, axe, close, fitsWidth, logIn, paste, picture } from '../lib/browser.mjs';

let yd;
let browser;
let desktop;
let machine;
let page;
let detour;

before(async () => {
  yd = await Product.start({ config: { deskd: { first_use: '5s' } } });
  browser = await Browser.start(yd);
  const office = await yd.office();
  const alice = await yd.person('alice', { department: office.department.id });
  await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  desktop = (await yd.api('GET', '/desktops')).items[0];
  [machine] = (await virsh('list', '--name')).trim().split('\n').filter((name) => name.startsWith('yd-'));
});
after(async () => {
  try {
    await browser?.stop();
  } finally {
    await detour?.stop();
    await yd?.stop();
  }
});

const inPhase = (where, phase, timeout = 40000) => where.locator(`.yd-viewer[data-phase=${phase}]`).waitFor({ timeout });

async function inGuest(...command) {
  const agent = async (request) => JSON.parse(await virsh('qemu-agent-command', '--timeout', '20', machine, JSON.stringify(request))).return;
  const { pid } = await agent({ execute: 'guest-exec', arguments: { path: command[0], arg: command.slice(1), 'capture-output': true } });
  const status = await poll('the command in the guest ends', async () => {
    const it = await agent({ execute: 'guest-exec-status', arguments: { pid } });
    return it.exited && it;
  });
  return Buffer.from(status['out-data'] ?? '', 'base64').toString();
}

// Share of pixels that differ between the canvas and what QEMU itself says is on the screen.
async function difference(where) {
  const shown = path.join(dir, 'shown.png');
  const own = path.join(dir, 'own.ppm');
  const data = await where.evaluate(() => document.querySelector('.yd-viewer-screen canvas').toDataURL('image/png'));
  await virsh('screenshot', machine, own);
  fs.writeFileSync(shown, Buffer.from(data.split(',')[1], 'base64'));
  const size = async (file) => (await ok('identify', ['-format', '%w %h', file])).split(' ').map(Number);
  const [width, height] = await size(own);
  assert.deepEqual(await size(shown), [width, height], 'the canvas has the size of the screen');
  const result = await run('compare', ['-metric', 'AE', '-fuzz', '6%', shown, own, 'null:']);
  return Number(result.stderr.split(' ')[0]) / (width * height);
}

// Nothing but a blinking cursor may differ.
const same = (where, what) => poll(what, async () => await difference(where) < 0.002, { seconds: 30, every: 500 });

// As hands do: the viewer sends keys, not letters, so Shift must go down where a letter wants it; and not faster than a
// busy emulated guest empties its keyboard's buffer of 16 bytes.
async function type(where, text) {
  await where.locator('.yd-viewer-screen canvas').click();
  for (const letter of text) {
    const shift = /[A-Z~!@#$%^&*()_+{}|:"<>?]/.test(letter);
    if (shift) await where.keyboard.down('Shift');
    await where.keyboard.press(letter, { delay: 60 });
    if (shift) await where.keyboard.up('Shift');
  }
  await where.keyboard.press('Enter');
}

test('an administrator opens the screen, and it is what QEMU shows', async () => {
  page = await browser.as(yd.admin, { where: `/desktops/${desktop.id}` });
  await page.getByText('read ').first().waitFor();
  await page.getByRole('img', { name: /^Screen of/ }).waitFor();
  await page.waitForFunction(() => document.querySelector('.yd-screen')?.naturalWidth > 0);
  await axe(page, 'the details of a desktop');
  await picture(page, 'desktop-details');
  await page.getByRole('button', { name: 'Screen', exact: true }).click();
  await inPhase(page, 'open');
  await same(page, 'canvas and screendump are the same');
  await axe(page, 'the viewer');
});

test('what is typed arrives in the guest, and the answer is seen', async () => {
  await type(page, 'echo "Typed $((6*7)) @{}[]|~" >/tmp/typed; clear; cat /tmp/typed');
  await poll('the file is there', async () => await inGuest('/bin/cat', '/tmp/typed') === 'Typed 42 @{}[]|~\n', { seconds: 30, every: 500 });
  await same(page, 'the new screen is shown');
  await picture(page, 'viewer');
});

test('key combinations are sent as a whole', async () => {
  await type(page, 'cat >/tmp/ended; echo over >>/tmp/ended');
  await page.keyboard.type('x');
  await page.keyboard.press('Enter');
  await page.keyboard.down('Control');
  await page.keyboard.press('d');
  await page.keyboard.up('Control');
  await poll('Ctrl+D ended the input', async () => await inGuest('/bin/cat', '/tmp/ended') === 'x\nover\n', { seconds: 30, every: 500 });
});

test('two windows show and serve the same screen', async () => {
  const other = await browser.as(yd.admin, { where: `/console/${desktop.id}` });
  await inPhase(other, 'open');
  await type(other, 'echo second >/tmp/second; clear; cat /etc/passwd');
  await poll('typed in the second window', async () => await inGuest('/bin/cat', '/tmp/second') === 'second\n', { seconds: 30, every: 500 });
  await same(other, 'the second window is up to date');
  await same(page, 'so is the first');
  await close(other);
});

test('a clipboard that is too long for the machine’s screen is refused in words, and stays where it was typed', async () => {
  const long = `${'x'.repeat(79)}\n`.repeat(12500); // a million letters
  await page.getByRole('button', { name: 'Clipboard' }).click();
  const panel = page.getByTestId('clipboard');
  await paste(page, long);
  await page.getByText(/and at most 512 KiB can go at once/).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Send to the desktop' }).isDisabled());
  assert.equal((await panel.inputValue()).length, long.length, 'nothing of it is lost');
  await axe(page, 'a clipboard that is too long');
  await paste(page, '字'.repeat(170000)); // 510000 bytes: as much as goes
  await page.getByRole('button', { name: 'Send to the desktop' }).click();
  await page.getByRole('button', { name: 'Clipboard' }).click();
  await same(page, 'the screen goes on');
});

test('a pool that forbids the clipboard: no panel, and the page says why', async () => {
  const pool = (await yd.api('GET', '/pools')).items[0];
  await yd.api('PATCH', `/pools/${pool.id}`, { body: { policy: { ...pool.policy, clipboard: false } } });
  const other = await browser.as(yd.admin, { where: `/console/${desktop.id}` });
  await inPhase(other, 'open');
  await other.getByText('No clipboard: the pool’s policy forbids it').waitFor();
  assert.equal(await other.getByRole('button', { name: 'Clipboard' }).count(), 0);
  await axe(other, 'a viewer without clipboard');
  await close(other);
  await yd.api('PATCH', `/pools/${pool.id}`, { body: { policy: pool.policy } });
});

test('a session that another administrator cuts ends with a word, and opens again when asked', async () => {
  const boss = await yd.person('boss', { role: 'admin' });
  const other = await browser.as(boss, { where: '/sessions?state=open' });
  const row = other.getByRole('row').filter({ hasText: 'console' }).filter({ hasText: 'admin' });
  await poll('the list shows the one session', async () => await row.count() === 1, { seconds: 20 });
  await picture(other, 'sessions-live');
  await row.getByRole('button', { name: /^Actions for/ }).click();
  await other.getByRole('menuitem', { name: 'Disconnect' }).click();
  const began = Date.now();
  await other.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
  await inPhase(page, 'ended');
  assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms`);
  await page.getByText('An administrator has disconnected it.').waitFor();
  await axe(page, 'an ended session');
  await page.getByRole('button', { name: 'Connect again' }).click();
  await inPhase(page, 'open');
  await close(other);
});

test('a gate that goes away and comes back: the screen comes back by itself', { timeout: 90000 }, async () => {
  await yd.programs.deskgate.stop();
  await inPhase(page, 'lost');
  await axe(page, 'a lost connection');
  yd.startProgram('deskgate');
  await yd.ready();
  await inPhase(page, 'open', 60000);
  await same(page, 'the picture is there again');
});

test('a reload goes on with the same screen', async () => {
  await page.reload();
  await inPhase(page, 'open');
  await same(page, 'the picture is there');
  await page.setViewportSize({ width: 360, height: 640 });
  await fitsWidth(page, 'the viewer');
});

test('a ticket that became too old is replaced by itself', async () => {
  const other = await browser.as(yd.admin);
  let asked = 0;
  await other.route('**/connections', async (route) => {
    const answer = await route.fetch();
    if (asked++ === 0) {
      const { expires } = await answer.json(); // in whole seconds, rounded down
      await poll('the ticket is too old', () => Date.now() > Date.parse(expires) + 1200, { seconds: 20 });
    }
    await route.fulfill({ response: answer });
  });
  await other.goto(`/console/${desktop.id}`);
  await inPhase(other, 'open', 60000);
  assert.ok(asked >= 2, 'the first ticket was refused');
  await same(other, 'the picture is there');
  await close(other);
});

// ---- networks that come and go ----

const rows = async () => (await yd.api('GET', '/connections?protocol=console&sort=-created&limit=100')).items;

// The page goes the way through the detour; `begin` does the harm. The screen must come back with a ticket of its own.
async function comesBack(where, begin, seconds = 60) {
  const [{ id }] = await rows();
  await begin();
  await poll('the screen is back, by another ticket', async () => {
    const [newest] = await rows();
    return newest.id !== id && newest.state === 'open' && await where.locator('.yd-viewer[data-phase=open]').count() === 1;
  }, { seconds, every: 250 });
  await same(where, 'the picture is there again');
  return (await rows())[0];
}

test('a line that is cut, and another address: the screen comes back by itself', { timeout: 120000 }, async () => {
  if (page) await close(page);
  detour = await Detour.start(yd);
  page = await browser.open({ where: detour.url });
  await page.clock.install();
  await logIn(page, yd.admin);
  await page.locator('[data-testid=user-menu]').waitFor();
  await page.goto(`${detour.url}/console/${desktop.id}`);
  await inPhase(page, 'open');
  assert.equal((await rows())[0].client_address, ADDRESSES[0]);
  const row = await comesBack(page, () => {
    detour.from = ADDRESSES[1];
    detour.cut();
  });
  assert.equal(row.client_address, ADDRESSES[1], 'the new ticket is bound to the new address');
});

test('a page that the browser froze meanwhile comes back', { timeout: 120000 }, async () => {
  const devtools = await page.context().newCDPSession(page);
  await comesBack(page, async () => {
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    detour.cut();
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  });
});

test('a laptop that slept comes back, although nobody told it that its connections are dead', { timeout: 120000 }, async () => {
  await comesBack(page, async () => {
    detour.freeze();
    await page.clock.fastForward('10:00');
  });
});

test('a viewer that crashes starts again, but not for ever', { timeout: 120000 }, async () => {
  // A function that does nothing but trap, called as a damaged viewer would be: by an event.
  const trap = () => page.evaluate(() => {
    const module = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11]);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
    window.addEventListener('trap', () => exports.f(), { once: true });
    window.dispatchEvent(new Event('trap'));
  });
  for (let crash = 1; crash <= 3; crash++) {
    const loaded = page.waitForEvent('load');
    await trap();
    await loaded;
    await inPhase(page, 'open');
  }
  await trap();
  await page.getByText('The viewer crashed.').waitFor();
  await axe(page, 'a crashed viewer');
  await page.getByRole('button', { name: 'Connect again' }).click();
  await inPhase(page, 'open');
  browser.faults = browser.faults.filter((fault) => !/unreachable|Disconnection timed out/.test(fault)); // the latter is noVNC's
});
