// SPDX-License-Identifier: Apache-2.0
// needs: web console
// Fingers on the screen of a machine in the browser: what a tap, a rest, two fingers and a drag are is told by what QEMU's
// input layer gets (its own trace of pointer events), with the place on the guest's screen.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { poll, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { Browser, stopBoth } from '../lib/browser.mjs';

const NEAR = 0.02; // of the screen's width and height; a pixel of the page is about a thousandth

let yd;
let browser;
let machine;
let page;
let cdp;
let box;

before(async () => {
  yd = await Product.start();
  browser = await Browser.start(yd);
  const office = await yd.office();
  const alice = await yd.person('alice', { department: office.department.id });
  await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  const [desktop] = (await yd.api('GET', '/desktops')).items;
  [machine] = (await virsh('list', '--name')).trim().split('\n').filter((name) => name.startsWith('yd-'));
  await virsh('qemu-monitor-command', '--hmp', machine, 'trace-event input_event_btn on');
  await virsh('qemu-monitor-command', '--hmp', machine, 'trace-event input_event_abs on');
  page = await browser.as(yd.admin, { where: `/console/${desktop.id}`, hasTouch: true });
  await page.locator('.yd-viewer[data-phase=open]').waitFor();
  box = await page.locator('.yd-viewer-screen canvas').boundingBox();
  cdp = await page.context().newCDPSession(page);
});
after(() => stopBoth(browser, yd));

// Where fingers lie, in shares of the screen. No finger: all are lifted.
const touch = (type, ...places) => cdp.send('Input.dispatchTouchEvent', { type,
  touchPoints: places.map(([x, y], id) => ({ x: box.x + x * box.width, y: box.y + y * box.height, id })) });

const log = () => fs.readFileSync(`/var/log/libvirt/qemu/${machine}.log`, 'utf8');

// What QEMU got since: { buttons: ["left down", …], x, y } with the last place in shares of the screen.
async function got(from, what, enough) {
  const read = () => {
    const it = { buttons: [], x: -1, y: -1 };
    for (const line of log().slice(from).split('\n')) {
      const button = /input_event_btn .*button ([\w-]+), down (\d)/.exec(line);
      if (button) it.buttons.push(`${button[1]} ${button[2] === '1' ? 'down' : 'up'}`);
      const place = /input_event_abs .*axis (x|y), value (0x[0-9a-f]+|\d+)/.exec(line);
      if (place) it[place[1]] = Number(place[2]) / 0x7fff;
    }
    return it;
  };
  let last;
  return poll(`${what} arrives`, async () => { last = read(); return enough(last) && last; }, { seconds: 30 })
    .catch((error) => { throw new Error(`${error.message}: ${JSON.stringify(last)} of ${log().slice(from).slice(-500)}`); });
}

const at = (it, x, y) => {
  assert.ok(Math.abs(it.x - x) < NEAR, `x is ${it.x}, not ${x}`);
  assert.ok(Math.abs(it.y - y) < NEAR, `y is ${it.y}, not ${y}`);
};

test('a tap is a click at its place', async () => {
  const from = log().length;
  await touch('touchStart', [0.25, 0.75]);
  await touch('touchEnd');
  const it = await got(from, 'a click', ({ buttons }) => buttons.length >= 2);
  assert.deepEqual(it.buttons, ['left down', 'left up']);
  at(it, 0.25, 0.75);
});

test('a finger that rests is the right button', async () => {
  const from = log().length;
  await touch('touchStart', [0.5, 0.5]);
  await got(from, 'the right button', ({ buttons }) => buttons[0] === 'right down');
  await touch('touchEnd');
  const it = await got(from, 'its end', ({ buttons }) => buttons.length >= 2);
  assert.deepEqual(it.buttons, ['right down', 'right up']);
  at(it, 0.5, 0.5);
});

test('a finger that moves drags', async () => {
  const from = log().length;
  await touch('touchStart', [0.2, 0.2]);
  for (let x = 0.25; x <= 0.601; x += 0.05) await touch('touchMove', [x, 0.4]);
  await got(from, 'the button', ({ buttons, x }) => buttons[0] === 'left down' && Math.abs(x - 0.6) < NEAR);
  await touch('touchEnd');
  const it = await got(from, 'its end', ({ buttons }) => buttons.length >= 2);
  assert.deepEqual(it.buttons, ['left down', 'left up']);
  at(it, 0.6, 0.4);
});

test('two fingers that move scroll', async () => {
  const from = log().length;
  await touch('touchStart', [0.4, 0.3], [0.6, 0.3]);
  for (let y = 0.34; y <= 0.801; y += 0.04) await touch('touchMove', [0.4, y], [0.6, y]);
  await touch('touchEnd');
  const it = await got(from, 'the wheel', ({ buttons }) => buttons.includes('wheel-up down') || buttons.includes('wheel-down down'));
  assert.ok(it.buttons.every((one) => one.startsWith('wheel')), it.buttons.join());
});
