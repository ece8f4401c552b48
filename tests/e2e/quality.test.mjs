// SPDX-License-Identifier: Apache-2.0
// needs: web console
// How good a connection is, and why: a client at the other end of a path that gets longer, loses packets, gets narrow,
// and recovers; a desktop that hangs. Whose session it is sees it, live; nobody else does.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import https from 'node:https';
import path from 'node:path';
import { poll, virsh } from '../lib/process.mjs';
import { Product, source } from '../lib/product.mjs';
import { Browser, axe } from '../lib/browser.mjs';
import { Link } from '../lib/link.mjs';

let yd;
let link;
let alice;
let bob;
let session;
let client;
let browser;

before(async () => {
  link = await Link.open();
  yd = await Product.start({ listen: [link.near] });
  const office = await yd.office({ policy: { source: 'none' } }); // the client comes from the far end
  alice = await yd.person('alice', { department: office.department.id });
  bob = await yd.person('bob', { department: office.department.id });
  const answer = await yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  session = answer.id;
  const [command, args] = link.at(process.execPath, [path.join(source, 'tests/lib/far-client.mjs'), link.near, String(yd.port), answer.ticket]);
  client = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  client.stdout.on('data', (chunk) => { said += chunk; });
  await poll('the client at the far end is let in', () => said.startsWith('open'));
});
after(async () => {
  client?.kill('SIGKILL');
  try {
    await browser?.stop();
    await yd?.stop();
  } finally {
    await link?.close();
  }
});

const look = () => yd.api('GET', `/connections/${session}`, { token: alice.token });

// Waits until the session's cause is that one; returns the session.
const because = (reason) => poll(`the cause is ${reason}`, async () => {
  const row = await look();
  if (row.score_reason !== reason) throw new Error(JSON.stringify(row));
  return row;
}, { seconds: 60, every: 500 });

test('a short path without loss is good', async () => {
  const row = await because('good');
  assert.ok(row.score >= 80 && row.score <= 100, `score ${row.score}`);
  assert.ok(row.first_byte_ms > 0 && row.first_byte_ms < 60000, `first byte after ${row.first_byte_ms} ms`);
  assert.ok(row.first_picture_ms >= row.first_byte_ms, `first picture after ${row.first_picture_ms} ms`);
  assert.ok(row.rtt_us > 0);
});

test('150 ms more make the score fall, because of delay, and whose session it is hears of it', async () => {
  const events = await listen(alice);
  const others = await listen(bob);
  try {
    await link.set('delay 75');
    const row = await because('delay');
    assert.ok(row.score < 80, `score ${row.score}`);
    assert.ok(row.rtt_us >= 140000, `round trip ${row.rtt_us} µs`);
    await poll('an event names the session', () => events.text.includes(session));
    assert.ok(!others.text.includes(session), 'another person hears nothing of it');
    const { status } = await yd.request('GET', `/api/v1/connections/${session}`, { token: bob.token });
    assert.equal(status, 404, 'another person may not see it');
  } finally {
    events.close();
    others.close();
  }
});

test('the administrator sees it on the command line and in the metrics', async () => {
  const list = await yd.ctl(['session', 'list', '--columns', 'username,score,score_reason']);
  assert.match(list.stdout, /alice +\d+ +delay/, list.stderr);
  const show = await yd.ctl(['session', 'show', session]);
  assert.match(show.stdout, /^BECAUSE +delay$/m);
  assert.match(show.stdout, /^LOSS +\d+\.\d %$/m);
  const { text } = await yd.request('GET', '/metrics', { token: yd.admin.token });
  assert.match(text, /yundesk_session_quality\{reason="delay"\} 1\n/);
  assert.match(text, /yundesk_session_score\{reason="delay"\} \d+\n/);
});

test('5 % loss on a short path: because of loss', async () => {
  await link.set('delay 0 loss 5');
  const row = await because('loss');
  assert.ok(row.score < 80, `score ${row.score}`);
  assert.ok(row.loss_ppm > 10000 && row.loss_ppm < 300000, `${row.loss_ppm} ppm lost`);
  assert.ok(row.lost > 0);
});

test('a path that is too narrow for what is sent: because of its bandwidth', async () => {
  await link.set('loss 0 down rate 300 queue 32');
  const row = await because('bandwidth');
  assert.ok(row.score < 80, `score ${row.score}`);
  // 300 kbit/s are 37 kB/s; that much was not seen at once.
  await poll('the rate is that of the path', async () => {
    const { rate } = await look();
    if (rate > 10000 && rate < 100000) return true;
    throw new Error(`${rate} bytes/s`);
  }, { every: 500 });
});

test('a desktop that hangs: because of the server', async () => {
  await link.set('rate 0 queue 256');
  await because('good');
  const [machine] = (await virsh('list', '--name')).trim().split('\n').filter((name) => name.startsWith('yd-'));
  await virsh('suspend', machine);
  try {
    assert.ok((await because('server')).score < 80);
  } finally {
    await virsh('resume', machine);
  }
});

test('it recovers', async () => {
  assert.ok((await because('good')).score >= 80);
});

test('the viewer says so to whoever works in it, in their language', async () => {
  const desktop = (await yd.api('GET', '/desktops')).items[0];
  browser = await Browser.start(yd, null, link);
  const page = await browser.as(yd.admin, { where: `/console/${desktop.id}` });
  await page.locator('.yd-viewer[data-phase=open]').waitFor();
  // Something has to come from the desktop for its way to be measured.
  const shows = (level, words) => poll(`the viewer says ${words}`, async () => {
    await page.keyboard.press('Enter');
    const it = page.getByTestId('quality');
    return await it.getAttribute('data-level') === level && words.test(await it.textContent());
  }, { seconds: 60, every: 300 });
  await page.locator('.yd-viewer-screen canvas').click();
  await shows('good', /^Good connection$/);
  await axe(page, 'the viewer with the quality of its connection');
  await link.set('delay 100');
  await shows('fair', /long way/);
  await page.evaluate(() => localStorage.setItem('yundesk.language', 'zh-CN'));
  await page.reload();
  await page.locator('.yd-viewer[data-phase=open]').waitFor();
  await page.locator('.yd-viewer-screen canvas').click();
  await shows('fair', /连接较慢：到桌面的路程太远/);
  await page.goto(`/desktops/${desktop.id}`);
  await page.locator('[data-level=fair]').first().waitFor();
  await link.set('delay 0');
});

// A person's stream of events, as text.
async function listen(person) {
  const events = { text: '' };
  await new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port: yd.port, path: '/api/v1/events', ca: yd.caText, servername: 'localhost',
      headers: { Authorization: `Bearer ${person.token}` } }, (response) => {
      response.on('data', (chunk) => { events.text += chunk; });
      response.on('error', () => {});
      resolve();
    });
    request.on('error', reject);
    request.end();
    events.close = () => request.destroy();
  });
  return events;
}
