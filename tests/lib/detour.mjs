// SPDX-License-Identifier: Apache-2.0
// A way to the gate that a test can cut, or lead through another address, as a network does to a laptop that is carried
// around. It gives the laboratory two addresses (of TEST-NET-2, RFC 5737) that the gate takes for different clients.

import net from 'node:net';
import { ok } from './process.mjs';

export const ADDRESSES = ['198.51.100.7', '198.51.100.8'];
const GATE = '198.51.100.1'; // what the gate must listen on: loopback addresses all count as one client

export class Detour {
  // Has the product's gate listen on GATE too (it is restarted for that), listens itself on a free port of 127.0.0.1
  // (`url`), and goes on to the gate from `from`, the first of ADDRESSES to begin with.
  static async start(yd) {
    for (const address of [GATE, ...ADDRESSES]) await ok('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo']);
    yd.groups.deskgate.listen += `,${GATE}:${yd.port}`;
    yd.configure(yd.groups);
    await yd.programs.deskgate.stop();
    yd.startProgram('deskgate');
    await yd.ready();
    return Detour.#open(yd, GATE, ADDRESSES[0]);
  }

  // Only to be cut: leads to the gate's own address, by loopback, and the gate stays as it is.
  static plain(yd) {
    return Detour.#open(yd, '127.0.0.1', undefined);
  }

  static async #open(yd, gate, from) {
    const detour = new Detour();
    detour.gate = gate;
    detour.from = from;
    detour.taken = 0; // connections so far
    detour.down = false;
    detour.pairs = new Set();
    detour.server = net.createServer({ allowHalfOpen: true }, (client) => detour.#take(client, yd.port));
    await new Promise((resolve, reject) => detour.server.once('error', reject).listen(0, '127.0.0.1', resolve));
    detour.port = detour.server.address().port;
    detour.url = `https://127.0.0.1:${detour.port}`;
    return detour;
  }

  #take(client, port) {
    if (this.down) {
      client.destroy();
      return;
    }
    this.taken++;
    const gate = net.connect({ host: this.gate, port, localAddress: this.from, allowHalfOpen: true });
    const pair = { client, gate, frozen: false };
    this.pairs.add(pair);
    const drop = () => {
      this.pairs.delete(pair);
      client.destroy();
      gate.destroy();
    };
    for (const [one, other] of [[client, gate], [gate, client]]) {
      one.setNoDelay(true);
      one.on('data', (bytes) => pair.frozen || other.write(bytes));
      one.on('end', () => pair.frozen || other.end());
      one.on('error', drop);
      one.on('close', () => pair.frozen || drop());
    }
  }

  // Every connection is reset.
  cut() {
    for (const pair of [...this.pairs]) {
      pair.client.resetAndDestroy();
      pair.gate.resetAndDestroy();
    }
    this.pairs.clear();
  }

  // Nothing passes any more on the connections there are, and neither side is told.
  freeze() {
    for (const pair of this.pairs) pair.frozen = true;
  }

  async stop() {
    this.down = true;
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
