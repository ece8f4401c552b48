// SPDX-License-Identifier: Apache-2.0
// The gate before a real deskd and a real machine, with tickets that are none any more, with requests that try to be
// two, with its partners killed. What can be tried without a machine is in tests/unit/gate/test-faults.c.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { ok, poll, sleep, virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';
import { Wire, echo, rdpOpen, spiceOpen } from '../lib/wire.mjs';

let yd;
let office;
let alice;
let desktop;
let unused; // a ticket that is given out and shown only when its time is over
let givenOut;

before(async () => {
  yd = await Product.start({ config: { deskd: { first_use: '12s', grace: '30s', reconnects: 2 },
    deskgate: { refused_burst: 1000, redeem_seconds: 3, target_keepalive_seconds: 2, target_user_timeout_seconds: 8 } } });
  office = await yd.office();
  alice = await yd.person('alice', { department: office.department.id });
  const first = await yd.connect(alice, { pool: office.pool.id });
  [desktop] = (await yd.api('GET', '/desktops')).items;
  await yd.api('DELETE', `/connections/${first.id}`);
  unused = await connect();
  givenOut = Date.now();
});
after(() => yd?.stop());

const connect = () => yd.connect(alice, { desktop: desktop.id });

async function rdp(ticket) {
  const { wire, granted } = await rdpOpen(yd.port, ticket);
  if (!granted) wire.socket.destroy();
  return granted ? wire : null;
}

async function console_(ticket) {
  const wire = await Wire.open(yd.port, { ca: fs.readFileSync(yd.ca) });
  wire.send(`GET /connect/console?ticket=${ticket} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  const head = (await wire.until((buffer) => buffer.includes('\r\n\r\n'))).toString('latin1');
  wire.socket.destroy();
  return Number(head.slice(9, 12));
}

test('tickets that are unknown, cut short, of another protocol, or 100 KB long open nothing', async () => {
  const { ticket, id } = await connect();
  const bad = [crypto.randomBytes(32).toString('base64url'), ticket.slice(0, -1), `${ticket}A`, ticket.toLowerCase(), 'A'.repeat(200)];
  for (const one of bad) {
    assert.equal(await rdp(one), null, `RDP took ${one}`);
    assert.equal((await spiceOpen(yd.port, one)).status, 403);
    assert.equal(await console_(one), 403);
  }
  assert.equal((await spiceOpen(yd.port, 'A'.repeat(100000))).status, 431);
  assert.equal(await console_('A'.repeat(100000)), 431);
  // A good one, but for RDP.
  assert.equal((await spiceOpen(yd.port, ticket)).status, 403);
  assert.equal(await console_(ticket), 403);
  // All that has not used it up.
  const wire = await rdp(ticket);
  assert.ok(wire && await echo(wire));
  await yd.api('DELETE', `/connections/${id}`);
  await wire.end(10);
  assert.equal(await rdp(ticket), null, 'a session that was cut does not come back');
});

test('a session comes back as often as it may, and no more', async () => {
  const { ticket, id } = await connect();
  for (let i = 0; i < 3; i++) {
    const wire = await rdp(ticket);
    assert.ok(wire && await echo(wire, 1000), `time ${i}`);
    // A second socket beside an open one is no reconnect.
    const beside = await rdp(ticket);
    assert.ok(beside, `beside ${i}`);
    beside.socket.destroy();
    wire.socket.destroy();
    await poll('deskd knows that it dropped', async () => (await yd.api('GET', `/connections/${id}`)).state === 'dropped', { seconds: 15 });
  }
  assert.equal(await rdp(ticket), null);
});

test('requests that try to be two, or to come from elsewhere', async () => {
  const ca = fs.readFileSync(yd.ca);
  const login = JSON.stringify({ username: 'alice', password: 'wrong' });
  const tries = [
    // After a good request, on the same connection: lengths that contradict each other, a folded line, a bare line end.
    `POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/users HTTP/1.1\r\nHost: a\r\n\r\n`,
    `POST /api/v1/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `GET /api/v1/users HTTP/1.1\r\nHost: a\r\nAuthorization:\r\n Bearer x\r\n\r\n`,
    `GET /api/v1/users HTTP/1.1\nHost: a\n\n`,
    `POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n`,
    `POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n`,
    `\r\n\r\n\0\r\nQUIT\n!\u0011\0\u000c\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\0\u0001\0\u0002`,
    `GET /connect/console?ticket=${'A'.repeat(43)} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
  ];
  for (const text of tries) {
    const wire = await Wire.open(yd.port, { ca });
    wire.send('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await wire.until((buffer) => buffer.includes('\r\n\r\n'));
    wire.send(Buffer.from(text, 'latin1'));
    wire.socket.end();
    const answers = (await wire.until(() => false).catch(() => wire.buffer)).toString('latin1');
    const codes = [...answers.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map((match) => match[1]);
    console.log(`# ${JSON.stringify(text.slice(0, 60))}: ${codes.join(' ')}`);
    assert.equal(codes[0], '200');
    assert.ok(codes.slice(1).every((code) => code[0] === '4'), `${codes}: ${text}`);
    wire.socket.destroy();
  }
  // What a client says of where it comes from is not believed.
  await yd.request('POST', '/api/v1/login', { text: login, headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': '192.0.2.66', Forwarded: 'for=192.0.2.66', 'X-Real-IP': '192.0.2.66' } });
  const audit = await yd.request('GET', '/api/v1/audit?limit=50', { token: yd.admin.token });
  assert.equal(audit.status, 200, audit.text);
  assert.ok(audit.text.includes('127.0.0.1') && !audit.text.includes('192.0.2.66'));
});

test('a ticket that was not used in time is dead', async () => {
  await sleep(Math.max(0, givenOut + 12500 - Date.now()));
  assert.equal(await rdp(unused.ticket), null);
  const row = await yd.api('GET', `/connections/${unused.id}`);
  assert.ok(row.state === 'new' || row.reason === 'not used in time', JSON.stringify(row));
});

test('the gate’s figures are among the metrics, and deskctl lists the gate', async () => {
  const text = await poll('deskd has heard of the gate', async () => {
    const answer = await yd.request('GET', '/metrics', { token: yd.admin.token });
    return /yundesk_gate_tls_handshakes_total\{gate="gate-1",state="serving"\} [1-9]/.test(answer.text) && answer.text;
  }, { seconds: 30 });
  assert.match(text, /yundesk_gate_accept_failures_total\{gate="gate-1",state="serving"\} 0\n/);
  const expires = Number(/yundesk_gate_certificate_expires_seconds\{gate="gate-1",state="serving"\} (\d+)/.exec(text)[1]);
  assert.ok(expires > Date.now() / 1000 + 86400);
  const [gate] = await yd.ctlJson(['gate', 'list']);
  assert.equal(gate.name, 'gate-1');
  assert.equal(gate.state, 'serving');
  assert.equal(Date.parse(gate.certificate_expires) / 1000, expires);
  const shown = await yd.ctl(['gate', 'show', 'gate-1', 'gate-2']);
  assert.match(shown.stdout, /gate-1/);
  assert.match(shown.stderr, /no gate named 'gate-2' is connected/);
});

test('deskd killed in the middle: sessions go on, new ones are refused clearly', async () => {
  const { ticket, id } = await connect();
  const next = await connect();
  const wire = await rdp(ticket);
  assert.ok(wire && await echo(wire));
  await yd.kill('deskd');
  const since = Date.now();
  const [refused, { status }] = await Promise.all([rdp(next.ticket), spiceOpen(yd.port, next.ticket)]);
  assert.equal(refused, null);
  assert.equal(status, 503);
  assert.ok(Date.now() - since < 25000);
  const answer = await yd.request('GET', '/api/v1/me', { token: alice.token });
  assert.equal(answer.status, 503);
  assert.equal(answer.body.code, 'unavailable');
  assert.ok(await echo(wire), 'bytes go on');
  await yd.startAll();
  await poll('the session is known again', async () => (await yd.api('GET', `/connections/${id}`)).state === 'open');
  await yd.api('DELETE', `/connections/${id}`);
  await wire.end(10);
});

// The guest's cable is pulled: no reset comes, not even from the host's kernel.
test('a machine that goes silent: its session ends, with a reason, whether the client sends or not', async () => {
  const machine = (await virsh('list', '--name')).trim();
  const [, link] = /(vnet\d+)/.exec(await virsh('domiflist', machine));
  const cable = (state) => virsh('domif-setlink', machine, link, state);
  const sessions = [];
  for (const sends of [false, true]) {
    const { ticket, id } = await connect();
    const wire = await rdp(ticket);
    assert.ok(wire && await echo(wire));
    sessions.push({ sends, ticket, id, wire });
  }
  await cable('down');
  for (const one of sessions) if (one.sends) one.wire.send('is anybody there?');
  await Promise.all(sessions.map(async ({ sends, id, wire }) => {
    const ms = await wire.end(60);
    console.log(`# the client saw the end ${ms} ms after the cable was pulled (it ${sends ? 'sends' : 'is quiet'})`);
    const row = await poll('deskd knows why', async () => {
      const now = await yd.api('GET', `/connections/${id}`);
      return now.state !== 'open' && now;
    });
    assert.equal(row.state, 'dropped', 'it may come back within the grace');
    assert.equal(row.reason, 'the desktop does not answer any more');
  }));
  await cable('up');
  const since = Date.now();
  for (const { ticket, id } of sessions) {
    const again = await rdp(ticket);
    assert.ok(again && await echo(again), 'it does come back');
    assert.equal((await yd.api('GET', `/connections/${id}`)).reason, null);
    await yd.api('DELETE', `/connections/${id}`);
    await again.end(10);
    console.log(`# back ${Date.now() - since} ms after the cable`);
  }
});

test('the machine killed in the middle: its session ends, with a reason', async () => {
  const { ticket, id } = await connect();
  const wire = await rdp(ticket);
  assert.ok(wire && await echo(wire));
  const machine = (await virsh('list', '--name')).trim();
  await virsh('destroy', machine);
  const ms = await wire.end(30);
  console.log(`# the client saw the end ${ms} ms after the machine's`);
  const ended = await poll('its session has ended', async () => {
    const row = await yd.api('GET', `/connections/${id}`);
    return row.state === 'ended' && row;
  });
  assert.ok(ended.reason, JSON.stringify(ended));
  assert.equal(await rdp(ticket), null);
});
