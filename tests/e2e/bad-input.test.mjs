// SPDX-License-Identifier: Apache-2.0
// Bad input through the gate: JSON, bodies, names, CSV, image files. Each is answered by a clear problem; nothing is half done.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ok, poll } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';

let yd;

before(async () => { yd = await Product.start(); });
after(() => yd?.stop());

const json = { 'Content-Type': 'application/json' };

async function refused(method, where, options, status, code) {
  const answer = await yd.request(method, `/api/v1${where}`, { token: yd.admin.token, ...options });
  assert.equal(answer.status, status, `${method} ${where}: ${answer.text}`);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  assert.equal(answer.body.code, code);
  assert.ok(answer.body.detail && answer.body.request_id, answer.text);
  return answer.body;
}

test('JSON that is none, too deep, not UTF-8, or has a key twice', async () => {
  const texts = ['{', '[]', '{"number":"1",}', '{"number":"1","number":"2"}', `{"a":${'['.repeat(100000)}`, '{"number":NaN}', '{"a":"\u0000"}',
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])];
  for (const text of texts) await refused('POST', '/departments', { text, headers: json }, 400, 'invalid');
  const wrong = await refused('POST', '/departments', { body: { number: 1, name: 'x' } }, 400, 'invalid');
  assert.equal(wrong.field, 'number');
  const unknown = await refused('POST', '/departments', { body: { number: 'D1', name: 'x', colour: 'red' } }, 400, 'invalid');
  assert.match(unknown.detail, /colour/);
  await refused('POST', '/departments', { text: 'number=1', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 415, 'unsupported-media-type');
  assert.equal((await yd.api('GET', '/departments')).items.length, 0);
});

test('a body that is too large is refused without being read', async () => {
  const since = Date.now();
  await refused('POST', '/departments', { text: ' '.repeat(3 * 1024 * 1024), headers: json }, 413, 'too-large');
  assert.ok(Date.now() - since < 10000);
  assert.equal((await yd.request('GET', '/healthz')).status, 200);
});

test('names that try to be more', async () => {
  for (const username of ["o'neil", '../etc', 'a b', 'root', 'x'.repeat(4096), '\u202egnp', 'a\u0007', '', '中文']) {
    const problem = await refused('POST', '/users', { body: { username, name: 'X', role: 'user' } }, 400, 'invalid');
    assert.equal(problem.field, 'username');
  }
  for (const name of ['a\u202eb', 'a\nb', 'x'.repeat(4096)]) {
    await refused('POST', '/users', { body: { username: 'li', name, role: 'user' } }, 400, 'invalid');
  }
  for (const where of ['/users/..%2f..%2fetc', "/users/'%20or%201=1", `/users/${'a'.repeat(2000)}`]) await refused('GET', where, {}, 404, 'not-found');
});

test('CSV: half a line, empty, a hundred thousand lines', async () => {
  const csv = { 'Content-Type': 'text/csv' };
  await refused('POST', '/users/import', { text: '', headers: csv }, 400, 'invalid');
  const half = await yd.request('POST', '/api/v1/users/import', { token: yd.admin.token, headers: csv, text: 'username,name\nanna,Anna\nber' });
  assert.equal(half.status, 200, half.text);
  assert.equal(half.body.applied, false);
  assert.equal(half.body.errors[0].line, 3);
  const lines = ['username,name'];
  for (let i = 0; i < 100000; i++) lines.push(`u${i},Person ${i}`);
  const since = Date.now();
  const many = await yd.request('POST', '/api/v1/users/import?dry_run=true', { token: yd.admin.token, headers: csv, text: lines.join('\n'), seconds: 120 });
  assert.equal(many.status, 200, many.text.slice(0, 300));
  assert.equal(many.body.good, 100000);
  console.log(`# a dry run of 100,000 lines took ${Date.now() - since} ms`);
  lines.push('one,More');
  await refused('POST', '/users/import?dry_run=true', { text: lines.join('\n'), headers: csv, seconds: 120 }, 413, 'too-large');
  assert.equal((await yd.api('GET', '/users?total=true')).total, 1, 'nobody was made');
});

test('image files that are none, cut short, or name a backing file', async () => {
  const template = await yd.api('POST', '/templates', { body: { name: 'bad', os: 'linux', access: 'rdp' } });
  const file = (name) => path.join(yd.uploads, name);
  fs.writeFileSync(file('text.qcow2'), 'This is no image.\n'.repeat(100));
  fs.writeFileSync(file('empty.qcow2'), '');
  await ok('qemu-img', ['create', '-q', '-f', 'qcow2', file('good.qcow2'), '64M']);
  fs.writeFileSync(file('short.qcow2'), fs.readFileSync(file('good.qcow2')).subarray(0, 70000));
  await ok('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', file('good.qcow2'), '-F', 'qcow2', file('child.qcow2')]);
  for (const name of ['text.qcow2', 'empty.qcow2', 'short.qcow2', 'child.qcow2']) {
    const answer = await yd.request('POST', `/api/v1/templates/${template.id}/versions`, { token: yd.admin.token, body: { path: file(name) } });
    if (answer.status === 400) continue; // refused before it became a job
    assert.equal(answer.status, 202, answer.text);
    const job = await poll(`the import of ${name} ends`, async () => {
      const now = await yd.api('GET', `/jobs/${answer.body.id}`);
      return ['done', 'failed'].includes(now.state) ? now : null;
    }, { seconds: 60 });
    assert.equal(job.state, 'failed', `${name} was taken`);
    assert.equal(job.error_code, 'invalid', `${name}: ${job.error}`);
    console.log(`# ${name}: ${job.error}`);
  }
  assert.deepEqual(fs.readdirSync(path.join(yd.state, 'images')).filter((name) => name.startsWith('tplv-')), [], 'nothing is left');
  for (const where of ['/etc/passwd', `${yd.uploads}/../state/yundesk.db`, `${yd.uploads}/nothing.qcow2`, 'good.qcow2', '/proc/self/mem']) {
    const answer = await yd.request('POST', `/api/v1/templates/${template.id}/versions`, { token: yd.admin.token, body: { path: where } });
    assert.ok([400, 404].includes(answer.status), `${where}: ${answer.status} ${answer.text}`);
  }
  fs.symlinkSync('/etc/passwd', file('link.qcow2'));
  await refused('POST', `/templates/${template.id}/versions`, { body: { path: file('link.qcow2') } }, 400, 'invalid');
});

test('two people change the same thing', async () => {
  const made = await yd.api('POST', '/departments', { body: { number: 'D7', name: 'Seven' } });
  const where = `/departments/${made.id}`;
  await yd.api('PATCH', where, { body: { name: 'Seven A' }, headers: { 'If-Match': `"${made.version}"` } });
  const late = await refused('PATCH', where, { body: { name: 'Seven B' }, headers: { 'If-Match': `"${made.version}"` } }, 412, 'stale');
  assert.equal(late.present.name, 'Seven A');
  const answers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => yd.request('PATCH', `/api/v1${where}`,
    { token: yd.admin.token, body: { name }, headers: { 'If-Match': `"${late.present.version}"` } })));
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 412, 412, 412, 412, 412], 'exactly one wins');
});

test('a wrong network, a pool of nothing', async () => {
  for (const cidr of ['10.0.0.0/33', '10.0.0.1/24', 'ten', '300.0.0.0/24', '10.0.0.0/31', '']) {
    const problem = await refused('POST', '/networks', { body: { name: 'bad', cidr } }, 400, 'invalid');
    assert.equal(problem.field, 'cidr');
  }
  const answer = await yd.request('POST', '/api/v1/pools', { token: yd.admin.token, body: { name: 'p', template_version_id: 'tpv-x', network_id: 'net-x', vcpus: 1, memory_mib: 128 } });
  assert.ok([400, 404].includes(answer.status), answer.text);
});
