// SPDX-License-Identifier: Apache-2.0
// A gate on another host: it knows deskd only through the gate beside it, reaches no machine itself, and leads to a real
// guest all the same. And what a scan from over there finds of the host of the machines: the gate, and nothing else; what
// a capture of the packets between both hosts shows: its port, and no other.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { Product, build, program, source } from '../lib/product.mjs';
import { Program, logDir, ok, poll, virsh } from '../lib/process.mjs';
import { Wire, rdpOpen, spiceOpen, echo } from '../lib/wire.mjs';

const HERE = '10.78.0.1';
const THERE = '10.78.0.2';
const EDGE_PORT = 8443;

let yd;
let edge;
let edgeConfig;
let office;
let alice;

const ip = (...args) => ok('ip', args);
const there = (command, args, options) => ok('ip', ['netns', 'exec', 'edge', command, ...args], options);

// Every port of an address that takes a connection, as seen from the edge's host.
const scan = `
const net = require('net');
const [host, first, last] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
let next = first, busy = 0; const open = [];
const more = () => {
  while (busy < 300 && next <= last) {
    const port = next++; busy++;
    const s = net.connect({ host, port });
    const done = (is) => { if (is) open.push(port); s.destroy(); busy--; more(); };
    s.setTimeout(3000, () => done(false));
    s.once('connect', () => done(true));
    s.once('error', () => done(false));
  }
  if (!busy && next > last) console.log(JSON.stringify(open));
};
more();`;

function startEdge() {
  edge = new Program('deskgate-edge', 'ip', ['netns', 'exec', 'edge', program('deskgate'), '--config', edgeConfig]);
}

// How often deskd has welcomed it.
const links = () => fs.readFileSync(yd.programs.deskd.log, 'utf8').split('gate edge-1: connected').length - 1;

async function connect(protocol, token = alice.token) {
  return poll(`a ${protocol} connection is ready`, async () => {
    const answer = await yd.api('POST', `/pools/${office.pool.id}/connections`, { token, body: { protocol, address: HERE } });
    if (answer.state === 'ready') return answer;
    await yd.job(answer, { token });
    return null;
  }, { seconds: 240 });
}

const viaEdge = { host: THERE, localAddress: HERE };

before(async () => {
  await ip('netns', 'add', 'edge');
  await ip('link', 'add', 'yd-here', 'type', 'veth', 'peer', 'name', 'yd-there', 'netns', 'edge');
  await ip('addr', 'add', `${HERE}/24`, 'dev', 'yd-here');
  await ip('link', 'set', 'yd-here', 'up');
  await there('ip', ['addr', 'add', `${THERE}/24`, 'dev', 'yd-there']);
  await there('ip', ['link', 'set', 'yd-there', 'up']);
  await there('ip', ['link', 'set', 'lo', 'up']);
  await there('ip', ['route', 'add', '10.99.0.0/16', 'via', HERE]); // an outsider who tries
  const made = await Product.make();
  made.configure({
    ...made.groups,
    deskd: { ...made.groups.deskd, host_gates: `local=gate-1@${HERE}:${made.port}` },
    deskgate: { ...made.groups.deskgate, listen: `127.0.0.1:${made.port},${HERE}:${made.port}` },
  });
  yd = made;
  await yd.startAll();
  const token = await yd.login(yd.first.username, yd.first.password);
  await yd.api('POST', '/me/password', { token, body: { old: yd.first.password, new: 'Correct-horse-9-battery' } });
  yd.admin = { username: yd.first.username, password: 'Correct-horse-9-battery', token: await yd.login(yd.first.username, 'Correct-horse-9-battery') };
  office = await yd.office();
  alice = await yd.person('alice', { department: office.department.id });
  const folder = path.join(yd.home, 'edge');
  await ok(program('deskd'), ['--config', yd.config, '--add-gate', 'edge-1', '--out', folder, '--manager', `${HERE}:${yd.port}`,
    '--names', 'localhost', '--names', THERE]);
  edgeConfig = path.join(folder, 'yundesk.conf');
  const text = fs.readFileSync(edgeConfig, 'utf8').replaceAll('/etc/yundesk/', `${folder}/`).replace('0.0.0.0:443', `${THERE}:${EDGE_PORT}\nuser=root`);
  fs.writeFileSync(edgeConfig, `${text}\n[paths]\nstate=${folder}\nrun=${folder}\n`);
  startEdge();
  await poll('the edge reaches deskd', () => links() === 1, { seconds: 60 });
});

after(async () => {
  await edge?.stop();
  await yd?.stop();
  await ip('link', 'del', 'yd-here').catch(() => {});
  await ip('netns', 'del', 'edge').catch(() => {});
});

test('RDP comes through the edge, and the session is known by it and by the true address', async () => {
  const answer = await connect('rdp');
  const { wire, granted } = await rdpOpen(EDGE_PORT, answer.ticket, viaEdge);
  assert.ok(granted && await echo(wire));
  const session = await poll('the session is open', async () => {
    const row = await yd.api('GET', `/connections/${answer.id}`).catch(() => null)
      ?? (await yd.api('GET', `/connections?state=open`)).items.find((one) => one.id === answer.id);
    return row?.state === 'open' && row.bytes_up >= 65536 ? row : null;
  }, { seconds: 60 });
  assert.equal(session.gate, 'edge-1');
  assert.equal(session.client_address, HERE);
  assert.equal(session.sockets, 1, 'the inner gate does not count it again');
  await yd.api('DELETE', `/connections/${answer.id}`);
  await wire.end(20);
});

test('SPICE and the console come through the edge', async () => {
  const spice = await connect('spice');
  const opened = await spiceOpen(EDGE_PORT, spice.ticket, viaEdge);
  assert.ok(opened.granted, `status ${opened.status}`);
  opened.wire.close();
  const [desktop] = (await yd.api('GET', `/desktops?user_id=${alice.id}`)).items;
  const console_ = await yd.api('POST', `/desktops/${desktop.id}/connections`, { body: { protocol: 'console', address: HERE } });
  const wire = await Wire.open(EDGE_PORT, { ...viaEdge, ca: fs.readFileSync(yd.ca) });
  wire.send(`GET /connect/console?ticket=${console_.ticket} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n');
  const bytes = await wire.until((buffer) => buffer.includes('RFB 003.'), 60);
  assert.match(bytes.toString('latin1'), /^HTTP\/1\.1 101 [^]*RFB 003\.008\n/, "QEMU's VNC server says hello");
  wire.close();
});

test('the API answers at the edge', async () => {
  const wire = await Wire.open(EDGE_PORT, { ...viaEdge, ca: fs.readFileSync(yd.ca) });
  wire.send('GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  assert.match((await wire.until(() => false, 60)).toString(), /^HTTP\/1\.1 200/);
});

test('from another host the gate answers, and no port of a machine', async () => {
  const [desktop] = (await yd.api('GET', `/desktops?user_id=${alice.id}`)).items;
  assert.equal(desktop.state, 'ready');
  const open = JSON.parse(await there('node', ['-e', scan, HERE, '1', '65535'], { seconds: 240 }));
  assert.deepEqual(open, [yd.port], 'of the host itself');
  const guest = JSON.parse(await there('node', ['-e', scan, desktop.ip, '3380', '3400'], { seconds: 60 }));
  assert.deepEqual(guest, [], 'of the machine, by a route to its network');
  // The scan can see a port that is there.
  assert.equal(JSON.parse(await ok('node', ['-e', scan, desktop.ip, '3389', '3389'])).length, 1);
});

// ---- what is on the wire ----

// All flows on the outsider's device while `act` runs: a real capture, kept with the logs.
async function watched(act) {
  const watch = spawn('ip', ['netns', 'exec', 'edge', path.join(build, 'tests/lib/packet-watch'), 'yd-there', path.join(logDir, 'outside.pcap')],
    { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  watch.stdout.on('data', (chunk) => { text += chunk; });
  const ended = new Promise((resolve) => { watch.on('close', resolve); });
  try {
    await poll('the capture runs', () => text.includes('ready\n'), { seconds: 30, every: 20 });
    await act();
  } finally {
    watch.stdin.end();
    await ended;
  }
  const lines = text.trim().split('\n').slice(1).map((line) => JSON.parse(line));
  assert.equal(lines.pop().lost, 0, 'the kernel dropped none of it');
  return lines;
}

// A client on the other host that speaks with this one's gate: RDP, SPICE, or both at once.
const outsider = `
import(process.argv[1]).then(async ({ rdpOpen, spiceOpen, echo }) => {
  const [, , port, rdp, spice] = process.argv;
  const desk = await rdpOpen(Number(port), rdp, { host: '${HERE}' });
  const screen = await spiceOpen(Number(port), spice, { host: '${HERE}' });
  const good = desk.granted && await echo(desk.wire, 262144);
  console.log(JSON.stringify({ rdp: Boolean(good), spice: screen.granted }));
  process.exit(0);
});`;

test('a capture of live sessions shows packets of the gate’s port, and of no other', async () => {
  const [desktop] = (await yd.api('GET', `/desktops?user_id=${alice.id}`)).items;
  const domain = (await virsh('list', '--name')).trim();
  const display = Number(/:(\d+)/.exec(await virsh('domdisplay', '--type', 'spice', domain))[1]);
  const ticket = async (protocol) => (await yd.api('POST', `/desktops/${desktop.id}/connections`, { token: alice.token, body: { protocol, address: THERE } })).ticket;
  const rdp = await ticket('rdp');
  const spice = await ticket('spice');
  await edge.stop(); // nothing but the client speaks over there
  const flows = await watched(async () => {
    const said = await there('node', ['-e', outsider, path.join(source, 'tests/lib/wire.mjs'), yd.port, rdp, spice], { seconds: 90 });
    assert.deepEqual(JSON.parse(said), { rdp: true, spice: true });
  });
  const ip = flows.filter((flow) => !flow.protocol.startsWith('icmp')); // the devices' own neighbour discovery
  assert.ok(ip.length >= 4, JSON.stringify(flows));
  for (const flow of ip) {
    const [host, port] = flow.from === THERE ? [flow.to, flow.to_port] : [flow.from, flow.port];
    assert.deepEqual({ protocol: flow.protocol, host, port }, { protocol: 'tcp', host: HERE, port: yd.port }, JSON.stringify(flow));
  }
  const carried = ip.reduce((sum, flow) => sum + flow.bytes, 0);
  assert.ok(carried > 2 * 262144, `${carried} bytes`);
  // Whoever knows the machine's address, or the number of its screen, gets a reset or nothing, and not one byte.
  const tried = await watched(async () => {
    for (const [host, first, last] of [[desktop.ip, 3380, 3400], [HERE, display, display], [HERE, 5900, 5910], [HERE, 16509, 16514]]) {
      assert.deepEqual(JSON.parse(await there('node', ['-e', scan, host, first, last], { seconds: 60 })), []);
    }
  });
  const asked = tried.filter((flow) => flow.from === THERE && flow.protocol === 'tcp');
  assert.ok(asked.some((flow) => flow.to === desktop.ip && flow.to_port === 3389) && asked.some((flow) => flow.to_port === display), 'the capture saw the tries');
  for (const flow of tried.filter((one) => one.from !== THERE && one.protocol === 'tcp')) {
    assert.deepEqual([flow.opened, flow.bytes], [0, 0], JSON.stringify(flow));
  }
  console.log(`# ${ip.length} flows with ${carried} bytes, all of port ${yd.port}; ${asked.length} tries at other ports, no answer but resets`);
  startEdge();
  await poll('the edge is back', () => Wire.open(EDGE_PORT, viaEdge).then((wire) => { wire.close(); return true; }, () => false), { seconds: 60 });
});

// Which ways a text went, in the last capture: "FROM:PORT TO:PORT" with the ports that are not a client's.
function waysOf(marker) {
  const file = fs.readFileSync(path.join(logDir, 'outside.pcap'));
  const ways = new Set();
  for (let at = 24; at + 16 <= file.length;) {
    const size = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + 16, at + 16 + size);
    at += 16 + size;
    if (frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 6 || !frame.includes(marker)) continue;
    const tcp = 14 + (frame[14] & 15) * 4;
    const address = (from) => [...frame.subarray(from, from + 4)].join('.');
    const known = (port) => (port === EDGE_PORT || port === yd.port ? port : 'any');
    ways.add(`${address(26)}:${known(frame.readUInt16BE(tcp))} ${address(30)}:${known(frame.readUInt16BE(tcp + 2))}`);
  }
  return [...ways].sort();
}

async function setPeerTls(inner, outer) {
  const set = (file, value) => {
    const text = fs.readFileSync(file, 'utf8').replace(/^peer_tls=.*\n/m, '');
    fs.writeFileSync(file, text.replace('[deskgate]', `[deskgate]\npeer_tls=${value}`));
  };
  set(yd.config, inner);
  set(edgeConfig, outer);
  await edge.stop();
  await yd.programs.deskgate.stop();
  delete yd.programs.deskgate;
  const before = links();
  await yd.startAll();
  startEdge();
  await poll('the edge reaches deskd', () => links() === before + 1, { seconds: 60 });
}

// An RDP session by way of the edge, in which a text goes there and back.
async function sayThroughEdge(marker) {
  const answer = await connect('rdp');
  const { wire, granted } = await rdpOpen(EDGE_PORT, answer.ticket, viaEdge);
  if (granted) {
    wire.send(Buffer.from(marker));
    await wire.until((bytes) => bytes.includes(marker));
  }
  wire.close();
  return granted;
}

test('between two gates there is TLS, or none where both are told so, and one alone is refused', async () => {
  const clear = [`${HERE}:any ${THERE}:${EDGE_PORT}`, `${THERE}:${EDGE_PORT} ${HERE}:any`];
  const between = [`${HERE}:${yd.port} ${THERE}:any`, `${THERE}:any ${HERE}:${yd.port}`];
  await watched(async () => assert.ok(await sayThroughEdge('told-with-tls-between')));
  assert.deepEqual(waysOf('told-with-tls-between'), clear.sort(), 'the client’s own way alone is in the clear here');
  await setPeerTls('off', 'off');
  await watched(async () => assert.ok(await sayThroughEdge('told-without-tls-between')));
  assert.deepEqual(waysOf('told-without-tls-between'), [...clear, ...between].sort());
  const spice = await connect('spice');
  const opened = await spiceOpen(EDGE_PORT, spice.ticket, viaEdge);
  assert.ok(opened.granted, `status ${opened.status}`);
  opened.wire.close();
  await setPeerTls('on', 'off');
  assert.equal(await sayThroughEdge('told-to-nobody'), false);
  await poll('the edge says why', () => /peer_tls/.test(edge.tail(40)), { seconds: 20 });
  await setPeerTls('on', 'on');
  assert.ok(await sayThroughEdge('told-again'));
});

test('a gate that is not registered, or a stranger, gets nowhere', async () => {
  const stranger = await new Promise((resolve) => {
    const socket = tls.connect({ host: HERE, port: yd.port, ALPNProtocols: ['yundesk-gate'], rejectUnauthorized: false });
    socket.on('secureConnect', () => socket.write('{"op":"link"}\n'));
    socket.on('data', () => resolve('answered'));
    socket.on('error', () => resolve('refused'));
    socket.on('close', () => resolve('refused'));
  });
  assert.equal(stranger, 'refused');
  fs.renameSync(path.join(yd.state, 'keys/gates/edge-1.pem'), path.join(yd.home, 'taken-away.pem'));
  await edge.stop();
  const before = links();
  startEdge();
  await poll('the edge listens again', () => Wire.open(EDGE_PORT, viaEdge).then((wire) => { wire.close(); return true; }, () => false), { seconds: 60 });
  const answer = await connect('rdp');
  const { granted } = await rdpOpen(EDGE_PORT, answer.ticket, { ...viaEdge, seconds: 60 });
  assert.equal(granted, false);
  assert.equal(links(), before);
});
