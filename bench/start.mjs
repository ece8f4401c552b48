// SPDX-License-Identifier: Apache-2.0
// Time from the first `connect` of a person without a desktop until RDP answers in the small guest, split into the
// steps of the jobs behind it, and the same for a desktop that is only off. Needs root (a laboratory) and the guest image.
//
//   bench/run start [TIMES]

import net from 'node:net';
import { sleep } from '../tests/lib/process.mjs';
import { Product } from '../tests/lib/product.mjs';

const CONNECTION_REQUEST = Buffer.from('030000130ee000000000000100080003000000', 'hex'); // MS-RDPBCGR 2.2.1.1
const times = Number(process.argv[2] ?? 3);

// Milliseconds until the guest confirms RDP's first packet.
function answers(address) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const socket = net.connect(3389, address, () => socket.write(CONNECTION_REQUEST));
    socket.setTimeout(30000, () => socket.destroy(new Error('no answer within 30 s')));
    socket.on('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      if (data[0] === 3 && data[5] === 0xd0) resolve(performance.now() - began);
      else reject(new Error(`not an RDP confirm: ${data.toString('hex')}`));
    });
  });
}

// Looks at the job every 20 ms; adds to spent how long it was seen in each step.
async function watch(yd, id, spent) {
  let last = performance.now();
  for (;;) {
    const job = await yd.api('GET', `/jobs/${id}`);
    const now = performance.now();
    const step = job.state === 'queued' ? `${job.kind}: queued` : `${job.kind}: ${job.step}`;
    spent.set(step, (spent.get(step) ?? 0) + now - last);
    last = now;
    if (job.state === 'done') return;
    if (job.state !== 'running' && job.state !== 'queued') throw new Error(`the job failed: ${JSON.stringify(job)}`);
    await sleep(20);
  }
}

async function connect(yd, person, pool, title) {
  const spent = new Map();
  const began = performance.now();
  let answer;
  for (;;) {
    const asked = performance.now();
    answer = await yd.api('POST', `/pools/${pool}/connections`, { token: person.token, body: { protocol: 'rdp' } });
    spent.set('connect: requests', (spent.get('connect: requests') ?? 0) + performance.now() - asked);
    if (answer.state === 'ready') break;
    await watch(yd, answer.job?.id ?? answer.id, spent);
  }
  const desktop = (await yd.api('GET', '/desktops?limit=100')).items.find((item) => item.user_id === person.id);
  spent.set('RDP confirms in the guest', await answers(desktop.ip));
  console.log(`${title}: ${((performance.now() - began) / 1000).toFixed(2)} s`);
  for (const [step, ms] of spent) console.log(`  ${(ms / 1000).toFixed(2).padStart(7)} s  ${step}`);
  return desktop;
}

const yd = await Product.start();
try {
  const office = await yd.office();
  for (let i = 1; i <= times; i++) {
    const person = await yd.person(`person${i}`, { department: office.department.id });
    const desktop = await connect(yd, person, office.pool.id, `first connect ${i} (desktop made, first boot)`);
    await yd.job(await yd.api('POST', `/desktops/${desktop.id}/power-off`));
    await connect(yd, person, office.pool.id, `connect ${i} to a desktop that is off`);
    await yd.job(await yd.api('POST', `/desktops/${desktop.id}/power-off`));
  }
} finally {
  await yd.stop();
}
