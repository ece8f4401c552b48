// SPDX-License-Identifier: Apache-2.0
// needs: web console
// of the release build
// alone
// What may not grow: the page of a viewer that stays open while its picture changes all the time, and the gate's memory
// with and after sessions in browsers.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { sleep, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { Browser, stopBoth } from '../lib/browser.mjs';
import { kept, ownMemory } from '../lib/speed.mjs';
import { Wire } from '../lib/wire.mjs';

const OPEN = 24; // QEMU shows its screen to 32 at most
const SESSION_KIB = 150; // of the gate, while nothing happens: OpenSSL's buffers mostly
const AFTER_KIB = 1024; // more than before, after ten times as many sessions
const SOAK_S = 25;
const GROWTH_MIB = 3; // of the page

let yd;
let browser;
let desktop;
let machine;

before(async () => {
  yd = await Product.start({ config: { deskd: { max_sessions_per_user: 0 } } });
  const office = await yd.office();
  const alice = await yd.person('alice', { department: office.department.id });
  await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  desktop = (await yd.api('GET', '/desktops')).items[0];
  machine = `yd-${desktop.id}`;
});
after(() => stopBoth(browser, yd));

// The console through the gate, as a browser opens it, until QEMU's first words have come.
async function openConsole() {
  const { ticket } = await yd.api('POST', `/desktops/${desktop.id}/connections`, { body: { protocol: 'console' } });
  const wire = await Wire.open(yd.port, { ca: yd.caText });
  const key = crypto.randomBytes(16).toString('base64');
  wire.send(`GET /connect/console?ticket=${ticket} HTTP/1.1\r\nHost: ${new URL(yd.url).host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\nOrigin: ${yd.url}\r\n\r\n`);
  const answer = await wire.until((buffer) => buffer.includes('RFB 003.'));
  assert.match(answer.toString('latin1'), /^HTTP\/1\.1 101 /);
  return wire;
}

async function openMany(count) {
  const wires = [];
  for (let i = 0; i < count; i++) wires.push(await openConsole());
  return wires;
}

test('an idle session in a browser costs the gate little, and nothing once it is over', { timeout: 300000 }, async (t) => {
  const { pid } = yd.programs.deskgate;
  const some = await openMany(4);
  const before = ownMemory(pid);
  const more = await openMany(OPEN - 4);
  const each = (ownMemory(pid) - before) / more.length;
  t.diagnostic(`${each.toFixed(0)} KiB for a session`);
  assert.ok(each < SESSION_KIB, `${each} KiB`);
  for (const wire of [...some, ...more]) wire.close();
  const once = ownMemory(pid);
  for (let round = 0; round < 10; round++) for (const wire of await openMany(OPEN)) wire.close();
  const grown = ownMemory(pid) - once;
  t.diagnostic(`${grown} KiB more after ${10 * OPEN} sessions`);
  assert.ok(grown < AFTER_KIB, `${grown} KiB`);
});

test('a viewer whose picture changes all the time does not grow', { timeout: 300000 }, async (t) => {
  const script = 'while :; do i=0; while [ $i -lt 25 ]; do echo "$i $RANDOM $RANDOM $RANDOM"; i=$((i+1)); done; usleep 100000; done >/dev/tty1';
  await virsh('qemu-agent-command', '--timeout', '20', machine, JSON.stringify({ execute: 'guest-exec', arguments: { path: '/bin/sh', arg: ['-c', script] } }));
  browser = await Browser.start(yd);
  const page = await browser.as(yd.admin, { where: `/console/${desktop.id}` });
  await page.locator('.yd-viewer[data-phase=open]').waitFor();
  await sleep(5000); // caches fill
  const before = await kept(page);
  const picture = () => page.evaluate(() => document.querySelector('.yd-viewer-screen canvas').toDataURL());
  const first = await picture();
  await sleep(SOAK_S * 1000);
  assert.notEqual(await picture(), first, 'the picture changes');
  const later = await kept(page);
  t.diagnostic(`${JSON.stringify(before)}, ${SOAK_S} s later ${JSON.stringify(later)}`);
  assert.ok(later.heap - before.heap < GROWTH_MIB, `${before.heap} MiB became ${later.heap}`);
  assert.ok(later.nodes <= before.nodes + 50 && later.listeners <= before.listeners + 20, `${JSON.stringify(before)} became ${JSON.stringify(later)}`);
});
