// SPDX-License-Identifier: Apache-2.0
// First bytes of the protocols that go through the gate, as a client would send them: enough to see whether a ticket
// opens a way to a guest, and bytes flow. Not a client of RDP or SPICE.

import net from 'node:net';
import tls from 'node:tls';

// A socket whose bytes can be awaited.
export class Wire {
  constructor(socket) {
    this.socket = socket;
    this.buffer = Buffer.alloc(0);
    this.closed = false;
    this.waiting = new Set(); // several may wait at the same time, each with its own condition
    const wake = () => { for (const resolve of this.waiting) resolve(); };
    socket.on('data', (chunk) => { this.buffer = Buffer.concat([this.buffer, chunk]); wake(); });
    const over = () => { this.closed = true; wake(); };
    socket.on('end', over);
    socket.on('close', over);
    socket.on('error', (error) => { this.error = error; over(); });
  }

  static open(port, { host = '127.0.0.1', localAddress, ca, servername } = {}) {
    return new Promise((resolve, reject) => {
      const socket = ca
        ? tls.connect({ host, port, localAddress, ca, servername: servername ?? 'localhost' })
        : net.connect({ host, port, localAddress });
      socket.once('error', reject);
      socket.once(ca ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  // Until bytes or the end come, or the time is over.
  async news(ms) {
    let resolve;
    const came = new Promise((done) => { resolve = done; });
    const timer = setTimeout(resolve, ms);
    this.waiting.add(resolve);
    await came;
    this.waiting.delete(resolve);
    clearTimeout(timer);
  }

  send(bytes) {
    this.socket.write(bytes);
  }

  // Waits until enough(buffer) or the end of the stream; returns what is there.
  async until(enough, seconds = 30) {
    const end = Date.now() + seconds * 1000;
    while (!enough(this.buffer) && !this.closed) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no answer within ${seconds} s; got ${this.buffer.length} bytes: ${this.buffer.subarray(0, 64).toString('hex')}`);
      await this.news(left);
    }
    return this.buffer;
  }

  // Exactly count bytes, or fewer when the stream ended.
  async read(count, seconds = 30) {
    await this.until((buffer) => buffer.length >= count, seconds);
    const bytes = this.buffer.subarray(0, count);
    this.buffer = this.buffer.subarray(count);
    return bytes;
  }

  // Waits for the other side's close; returns the milliseconds it took.
  async end(seconds = 30) {
    const began = Date.now();
    const limit = began + seconds * 1000;
    while (!this.closed) {
      if (Date.now() > limit) throw new Error(`still open after ${seconds} s`);
      await this.news(50);
    }
    return Date.now() - began;
  }

  close() {
    this.socket.destroy();
  }
}

// X.224 connection request (MS-RDPBCGR 2.2.1.1) with the ticket as routing token and RDP_NEG_REQ.
export function rdpRequest(ticket, protocols = 3) {
  const cookie = ticket === null ? Buffer.alloc(0) : Buffer.from(`Cookie: msts=${ticket}\r\n`);
  const negotiation = Buffer.from([1, 0, 8, 0, protocols, 0, 0, 0]);
  const body = Buffer.concat([Buffer.from([0xe0, 0, 0, 0, 0, 0]), cookie, negotiation]);
  const length = 4 + 1 + body.length;
  return Buffer.concat([Buffer.from([3, 0, length >> 8, length & 255, body.length]), body]);
}

// Opens RDP through the gate. Returns { wire, confirm (Buffer), granted }: granted when the confirm holds RDP_NEG_RSP.
export async function rdpOpen(port, ticket, options = {}) {
  const wire = await Wire.open(port, options);
  wire.send(rdpRequest(ticket, options.protocols));
  const head = await wire.read(4, options.seconds);
  if (head.length < 4) return { wire, confirm: head, granted: false };
  const rest = await wire.read(head.readUInt16BE(2) - 4, options.seconds);
  const confirm = Buffer.concat([head, rest]);
  return { wire, confirm, granted: confirm.length >= 19 && confirm[5] === 0xd0 && confirm[11] === 2 };
}

// SPICE link message (RedLinkMess, SPICE 2.2) of a main channel without capabilities.
export function spiceLink() {
  const message = Buffer.alloc(16 + 18);
  message.write('REDQ', 0, 'latin1');
  message.writeUInt32LE(2, 4); // major
  message.writeUInt32LE(2, 8); // minor
  message.writeUInt32LE(18, 12); // size of what follows
  message.writeUInt32LE(0, 16); // connection id
  message[20] = 1; // main channel
  message[21] = 0; // channel id
  message.writeUInt32LE(0, 22); // common capabilities
  message.writeUInt32LE(0, 26); // channel capabilities
  message.writeUInt32LE(18, 30); // their offset
  return message;
}

// Opens SPICE through the gate as remote-viewer does with proxy=http(s)://…; with options.ca inside TLS.
// Returns { wire, status, granted }: granted when QEMU's SPICE server answered the link message.
export async function spiceOpen(port, ticket, options = {}) {
  const wire = await Wire.open(port, options);
  const authorization = Buffer.from(`ticket:${ticket}`).toString('base64');
  wire.send(`CONNECT desktop:5900 HTTP/1.0\r\nProxy-Authorization: Basic ${authorization}\r\n\r\n`);
  const head = (await wire.until((buffer) => buffer.includes('\r\n\r\n'), options.seconds)).toString('latin1');
  const end = head.indexOf('\r\n\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d+)/.exec(head)?.[1] ?? 0);
  wire.buffer = wire.buffer.subarray(end < 0 ? wire.buffer.length : end + 4);
  if (status !== 200) return { wire, status, granted: false };
  wire.send(spiceLink());
  const reply = await wire.read(4, options.seconds);
  return { wire, status, granted: reply.toString('latin1') === 'REDQ' };
}

// Sends bytes to a tiny guest that echoes them, and compares what comes back.
export async function echo(wire, size = 65536) {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  wire.send(bytes);
  const back = await wire.read(size);
  return back.equals(bytes);
}
