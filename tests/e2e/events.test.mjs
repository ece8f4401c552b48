// SPDX-License-Identifier: Apache-2.0
// The event stream through the gate: what happens shows within a second, each sees their own, and after deskd was killed the
// stream goes on where it was.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { Program, poll } from '../lib/process.mjs';
import { Product, program } from '../lib/product.mjs';

let yd;
let boss;
let anna;
const streams = []; // all that were opened, to be closed at the end whatever happens

before(async () => {
  yd = await Product.start({ config: { deskd: { hypervisor: 'none', max_streams_user: 3 } } });
  boss = { token: yd.admin.token };
  anna = await yd.person('anna');
});
after(() => {
  for (const stream of streams) stream.request.destroy();
  return yd?.stop();
});

// Opens a stream; collects its messages: { id, event, data }.
async function open(token, last) {
  const stream = { events: [], over: false, id: last };
  const headers = { Authorization: `Bearer ${token}` };
  if (last !== undefined) headers['Last-Event-ID'] = last;
  stream.request = https.get({ host: 'localhost', port: yd.port, path: '/api/v1/events', headers, ca: fs.readFileSync(yd.ca), agent: false, family: 4 });
  streams.push(stream);
  stream.response = await new Promise((resolve, reject) => {
    stream.request.on('response', resolve);
    stream.request.on('error', reject);
  });
  assert.equal(stream.response.statusCode, 200);
  assert.match(stream.response.headers['content-type'], /^text\/event-stream/);
  let text = '';
  const over = () => { stream.over = true; };
  stream.request.on('error', over);
  stream.response.on('error', over);
  stream.response.on('end', over);
  stream.response.on('close', over);
  stream.response.on('data', (chunk) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = Object.fromEntries(text.slice(0, end).split('\n').filter((line) => /^\w+: /.test(line)).map((line) => line.split(/: (.*)/)));
      text = text.slice(end + 2);
      if (fields.id) stream.id = fields.id;
      if (fields.data) stream.events.push({ ...fields, data: JSON.parse(fields.data) });
    }
  });
  await poll('the stream greets', () => stream.events.length > 0, { seconds: 20 });
  return stream;
}

const saw = (stream, id, kind) => stream.events.find(({ data }) => data.id === id && data.kind === kind);

test('changes show at once, and to whom they concern', async () => {
  const [mine, all] = [await open(anna.token), await open(boss.token)];
  assert.equal(mine.events[0].event, 'hello');
  const department = await yd.api('POST', '/departments', { body: { number: 'D1', name: 'One' } });
  const since = Date.now();
  await poll('the administrator sees it', () => saw(all, department.id, 'created'), { seconds: 20, every: 10 });
  console.log(`# seen ${Date.now() - since} ms after the answer`);
  await yd.api('PATCH', '/me', { token: anna.token, body: { language: 'zh-CN' } });
  await poll('anna sees her own row', () => saw(mine, anna.id, 'changed'), { seconds: 20 });
  assert.ok(!saw(mine, department.id, 'created'), 'the department is none of her business');
  mine.request.destroy();
  all.request.destroy();
});

test('after deskd was killed the stream goes on where it was', async () => {
  const before = await open(boss.token);
  await yd.ctl(['whoami']); // logs in
  const follower = new Program('deskctl-events', program('deskctl'), ['events'], { env: { XDG_CONFIG_HOME: path.join(yd.home, 'ctl', 'admin') } });
  await poll('deskctl hears', () => follower.tail().includes('hello'), { seconds: 30 });
  const first = await yd.api('POST', '/departments', { body: { number: 'K1', name: 'First' } });
  await poll('it is seen', () => saw(before, first.id, 'created'), { seconds: 20 });
  await yd.kill('deskd');
  await poll('the stream breaks', () => before.over, { seconds: 20 });
  await yd.startAll();
  const missed = await yd.api('POST', '/departments', { body: { number: 'K2', name: 'Missed' } });
  const again = await open(boss.token, before.id);
  await poll('what was missed comes', () => saw(again, missed.id, 'created'), { seconds: 20 });
  assert.equal(again.events[0].event, 'hello', 'nothing is lost');
  assert.ok(!saw(again, first.id, 'created'), 'what was seen does not come twice');
  again.request.destroy();
  await poll('deskctl goes on by itself', () => follower.tail().includes(missed.id), { seconds: 30 });
  assert.match(follower.tail(), /trying again/);
  assert.equal(follower.tail(1000).split(first.id).length, 2, 'each event once');
  await follower.stop();
});

test('the stream ends with the log-in', async () => {
  const token = await yd.login(anna.username, anna.password);
  const stream = await open(token);
  await yd.api('POST', '/logout', { token });
  await poll('it ends', () => stream.over, { seconds: 20 });
});

test('one person cannot take all streams', async () => {
  const bert = await yd.person('bert');
  for (let i = 0; i < 3; i++) await open(bert.token);
  const answer = await yd.request('GET', '/api/v1/events', { token: bert.token });
  assert.equal(answer.status, 409, answer.text);
  assert.equal(answer.body.code, 'limit');
  await open(boss.token);
});
