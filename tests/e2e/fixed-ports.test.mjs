// SPDX-License-Identifier: Apache-2.0
// Fixed ports with a real guest: who is logged in gets in from that address, others do not, and after log-out nobody.

import test from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { Product } from '../lib/product.mjs';
import { poll } from '../lib/process.mjs';
import { Wire, rdpOpen, echo } from '../lib/wire.mjs';

const OWNER = '127.0.0.2';
const OTHER = '127.0.0.3';

// 'open', 'refused', or 'silent' when nothing answers within a second.
function knock(port, localAddress) {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress });
    const done = (what) => { socket.destroy(); resolve(what); };
    socket.setTimeout(1000, () => done('silent'));
    socket.once('connect', () => done('open'));
    socket.once('error', (error) => done(error.code === 'ECONNREFUSED' ? 'refused' : error.code));
  });
}

test('a fixed port leads its owner to the desktop, and nobody else', async (t) => {
  const yd = await Product.start({ config: { deskgate: { fixed_ports: '50000-50009' } } });
  t.after(() => yd.stop());
  const office = await yd.office({ policy: { fixed_port: true } });
  const alice = await yd.person('alice', { department: office.department.id });
  const until = (what, wanted, from) => poll(`${what}: the port is ${wanted} to ${from}`, async () => (await knock(50000, from)) === wanted, { seconds: 30 });
  const login = async () => {
    const answer = await yd.request('POST', '/api/v1/login', { body: { username: 'alice', password: alice.password, kind: 'bearer' }, localAddress: OWNER });
    assert.equal(answer.status, 201, answer.text);
    return answer.body.token;
  };
  const logout = (token) => yd.api('POST', '/logout', { token });
  const mine = async () => (await yd.api('GET', '/connections?fixed_port=50000&sort=-created')).items[0];

  const first = await yd.connect(alice, { pool: office.pool.id });
  const desktop = await yd.api('GET', `/desktops/${first.desktop_id}`);
  assert.equal(desktop.fixed_port, 50000);
  // The log-ins so far came from 127.0.0.1.
  await until('logged in elsewhere', 'open', '127.0.0.1');
  assert.equal(await knock(50000, OWNER), 'silent');
  for (const one of (await yd.api('GET', '/me/logins', { token: alice.token })).items.reverse()) {
    await yd.api('DELETE', `/me/logins/${one.id}`, { token: alice.token }); // the present one was used last
  }
  await until('logged out', 'refused', '127.0.0.1');
  assert.equal(await knock(50000, OWNER), 'refused');

  let token = await login();
  const began = Date.now();
  await until('logged in', 'open', OWNER);
  assert.ok(Date.now() - began < 10000);
  const { wire, granted } = await rdpOpen(50000, null, { localAddress: OWNER });
  assert.ok(granted && await echo(wire), 'bytes flow to the guest and back');
  assert.equal(await knock(50000, OTHER), 'silent', 'another address gets no answer');
  const session = await mine();
  assert.equal(session.state, 'open');
  assert.equal(session.client_address, OWNER);
  assert.equal(session.username, 'alice');
  assert.equal(session.protocol, 'rdp');
  const audit = await yd.api('GET', `/audit?object_id=${desktop.id}&act=connection.create`);
  assert.ok(audit.items.some((row) => row.details?.fixed_port === 50000 && row.username === 'alice'));
  const second = await rdpOpen(50000, null, { localAddress: OWNER });
  assert.ok(second.granted);
  assert.equal((await mine()).id, session.id, 'a second socket belongs to the same session');
  second.wire.close();

  const noise = await Wire.open(50000, { localAddress: OWNER });
  noise.send('GET / HTTP/1.1\r\n\r\n');
  assert.equal((await noise.until(() => false)).length, 0, 'no banner, no answer to another protocol');

  await logout(token);
  await wire.end(20);
  await until('logged out again', 'refused', OWNER);
  assert.equal((await poll('the session has ended', async () => { const now = await mine(); return now.state === 'ended' && now; })).id, session.id);

  // The right is taken: what runs is cut, and the port closes.
  token = await login();
  await until('logged in again', 'open', OWNER);
  const last = await rdpOpen(50000, null, { localAddress: OWNER });
  assert.ok(last.granted);
  const grants = (await yd.api('GET', `/pools/${office.pool.id}/entitlements`)).items;
  await yd.api('DELETE', `/pools/${office.pool.id}/entitlements/${grants[0].id}`);
  await last.wire.end(20);
  await until('the right is taken', 'refused', OWNER);

  // And the pool may choose otherwise.
  const pool = await yd.api('GET', `/pools/${office.pool.id}`);
  await yd.api('PATCH', `/pools/${pool.id}`, { body: { policy: { fixed_port: false } }, headers: { 'If-Match': `"${pool.version}"` } });
  assert.equal((await yd.api('GET', `/desktops/${desktop.id}`)).fixed_port, 0);
});
