// SPDX-License-Identifier: Apache-2.0
// The gate behind a real haproxy that says for whom it comes (PROXY protocol, version 2): it passes bytes on as they
// are on one port, and ends TLS on the other. Tickets are bound to people's addresses, not to haproxy's.

import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Product, freePort } from '../lib/product.mjs';
import { Program, ok, poll } from '../lib/process.mjs';
import { Wire, echo, rdpOpen } from '../lib/wire.mjs';

// Not of 127/8: for tickets all of that is one.
const ALICE = '198.51.100.7';
const OTHER = '203.0.113.8';

async function balance(yd) {
  const ports = { tcp: await freePort(), tls: await freePort() };
  const keys = path.join(yd.state, 'keys');
  const both = path.join(yd.home, 'both.pem');
  const config = path.join(yd.home, 'haproxy.cfg');
  fs.writeFileSync(both, fs.readFileSync(path.join(keys, 'gate.pem'), 'utf8') + fs.readFileSync(path.join(keys, 'gate.key'), 'utf8'));
  fs.writeFileSync(config, `global
 nbthread 1
defaults
 mode tcp
 timeout connect 5s
 timeout client 60s
 timeout server 60s
listen passed
 bind 127.0.0.1:${ports.tcp}
 server gate 127.0.0.1:${yd.port} send-proxy-v2 check
listen ended
 bind 127.0.0.1:${ports.tls} ssl crt ${both}
 server gate 127.0.0.1:${yd.port} send-proxy-v2-ssl check check-send-proxy
`);
  const haproxy = new Program('haproxy', '/usr/sbin/haproxy', ['-db', '-f', config]);
  await poll('haproxy listens', () => Wire.open(ports.tls).then((wire) => { wire.close(); return true; }, () => false));
  return { ...ports, haproxy };
}

// A call of the API by way of the port, from that address.
function through(yd, port, localAddress, token, method, where, body) {
  const view = Object.assign(Object.create(Object.getPrototypeOf(yd)), yd, { port, agent: null });
  return view.request(method, `/api/v1${where}`, { localAddress, token, body });
}

test('the gate behind a load balancer', async (t) => {
  const yd = await Product.start({ config: { deskgate: { trusted_proxies: '127.0.0.1' } } });
  t.after(() => yd.stop());
  for (const address of [ALICE, OTHER]) await ok('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo']);
  const office = await yd.office();
  const alice = await yd.person('alice', { department: office.department.id });
  const port = await balance(yd);
  t.after(() => port.haproxy.kill());
  const { desktop_id: desktop } = await yd.connect(alice, { pool: office.pool.id }); // it runs

  const ticket = async (way, protocol, token = alice.token) => {
    const answer = await through(yd, way, ALICE, token, 'POST', `/desktops/${desktop}/connections`, { protocol });
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.body.state, 'ready');
    return answer.body.ticket;
  };

  for (const [name, way] of [['TLS is the gate’s', port.tcp], ['TLS ends at the balancer', port.tls]]) {
    await t.test(`${name}: the person's address is known and a ticket bound to it`, async () => {
      const mine = await ticket(way, 'rdp');
      const stranger = await rdpOpen(port.tcp, mine, { localAddress: OTHER });
      assert.equal(stranger.granted, false);
      stranger.wire.close();
      const direct = await rdpOpen(yd.port, mine); // from 127.0.0.1, without a header
      assert.equal(direct.granted, false);
      direct.wire.close();
      const { wire, granted } = await rdpOpen(port.tcp, mine, { localAddress: ALICE });
      assert.ok(granted);
      assert.ok(await echo(wire));
      const open = await poll('the session is open', async () => (await yd.api('GET', '/connections?state=open')).items[0]);
      assert.equal(open.client_address, ALICE);
      await yd.api('DELETE', `/connections/${open.id}`);
      await wire.end();
    });
  }

  await t.test('a log-in is counted and told by the person’s address', async () => {
    const wrong = await through(yd, port.tls, OTHER, undefined, 'POST', '/login', { username: 'alice', password: 'not this one' });
    assert.equal(wrong.status, 401);
    const told = (await yd.api('GET', '/audit?limit=50')).items.find((row) => JSON.stringify(row).includes(OTHER));
    assert.ok(told, 'the audit log has the address');
  });

  await t.test('a screen over WebSocket where TLS ended before', async () => {
    const mine = await ticket(port.tls, 'console', yd.admin.token);
    const wire = await Wire.open(port.tls, { localAddress: ALICE, ca: fs.readFileSync(yd.ca) });
    wire.send(`GET /connect/console?ticket=${mine} HTTP/1.1\r\nHost: localhost:${port.tls}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
      + `Origin: https://localhost:${port.tls}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
    const got = await wire.until((bytes) => bytes.includes('RFB 003.'));
    assert.match(got.toString('latin1'), /^HTTP\/1\.1 101 [\s\S]*\r\n\r\n\x82\x0cRFB 003\.008\n$/);
    wire.close();
  });

  await t.test('in the clear without a word of TLS there is no API', async () => {
    const wire = await Wire.open(yd.port);
    wire.send('GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const got = await wire.until((bytes) => bytes.includes('\r\n\r\n'));
    assert.match(got.toString('latin1'), /^HTTP\/1\.1 301 /);
    wire.close();
  });
});
