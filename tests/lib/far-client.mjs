// SPDX-License-Identifier: Apache-2.0
// A client that keeps a desktop busy, for the far end of a link: opens RDP through the gate with the ticket it is given
// and sends small messages that the tiny guest echoes. Prints "open", then runs until its input ends.
//   node far-client.mjs HOST PORT TICKET [BYTES EVERY-MS]

import process from 'node:process';
import { rdpOpen } from './wire.mjs';

const [host, port, ticket, bytes = '2048', every = '20'] = process.argv.slice(2);
const UNDER_WAY = 512 * 1024; // more than that is not sent before it has come back
const { wire, granted } = await rdpOpen(Number(port), ticket, { host });
if (!granted) {
  console.log('refused');
  process.exit(1);
}
console.log('open');
const message = Buffer.alloc(Number(bytes), 'x');
let sent = 0;
let back = 0;
setInterval(() => {
  back += wire.buffer.length;
  wire.buffer = Buffer.alloc(0);
  if (wire.closed) process.exit(2);
  if (sent - back >= UNDER_WAY) return;
  wire.send(message);
  sent += message.length;
}, Number(every));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
