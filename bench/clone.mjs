// SPDX-License-Identifier: Apache-2.0
// How long a desktop takes from being asked for until RDP answers through the gate, cold, restored, instant and warm; what it
// costs in memory and on disk; and what deriving a hundred of them and publishing a large change take. The real product with
// real machines in a laboratory. Needs root and the guest's image (guest/build-tiny, guest/build-desktop).
//
//   bench/run clone [--guest tiny|desktop] [--part cold,restore,instant,warm,derive,publish] [--desktops 1,5] [--times N]
//                   [--settle SECONDS] [--change GIB] [--steps]
//
// "Asked" is the moment before POST …/connections; as many people as --desktops says ask in the same moment. A client waits for
// jobs by asking every 50 ms (20 ms times the people, when they are many), then dials the gate with its ticket. --times: so
// often, one after another, all in one percentile. Each desktop is then looked into: its disk is there, it has its own name, and its
// person's account with a password. PSS is taken --settle seconds after the last one answered (10 unless told otherwise).

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inGuest, shellOf } from '../tests/lib/guest.mjs';
import { ok, sleep } from '../tests/lib/process.mjs';
import { Product, guestImage } from '../tests/lib/product.mjs';
import { rdpOpen } from '../tests/lib/wire.mjs';

const MIB = 1 << 20;
const GUESTS = {
  tiny: { memory: 128, vcpus: 1, disk: 1, desktops: [1, 5, 20] },
  desktop: { memory: 1536, vcpus: 1, disk: 8, desktops: [1, 5] },
};
const PARTS = ['cold', 'restore', 'instant', 'warm', 'derive', 'publish'];

function options(argv) {
  const given = { guest: 'tiny', times: 1, settle: 10, change: 5, part: PARTS, steps: false };
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].replace(/^--/, '');
    if (name === 'steps') given.steps = true;
    else if (!['guest', 'part', 'desktops', 'times', 'settle', 'change'].includes(name) || argv[i + 1] === undefined) throw new Error(`what is "${argv[i]}"? See the head of bench/clone.mjs`);
    else given[name] = argv[++i];
  }
  if (!GUESTS[given.guest]) throw new Error(`--guest is tiny or desktop, not "${given.guest}"`);
  if (typeof given.part === 'string') given.part = given.part.split(',');
  for (const part of given.part) if (!PARTS.includes(part)) throw new Error(`--part: "${part}" is none of ${PARTS.join(', ')}`);
  given.desktops = given.desktops ? given.desktops.split(',').map(Number) : GUESTS[given.guest].desktops;
  for (const name of ['times', 'settle', 'change']) given[name] = Number(given[name]);
  if (![...given.desktops, given.times, given.settle, given.change].every((n) => n > 0)) throw new Error('a number is not one');
  return given;
}

const what = options(process.argv.slice(2));
const guest = GUESTS[what.guest];
let yd;
let base; // network, template, version, department
let people = 0;
const rows = [];
const missing = [];

const load = () => os.loadavg()[0].toFixed(1);
const seconds = (ms) => (ms / 1000).toFixed(2);
const at = (values, share) => [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const image = (name) => path.join(yd.state, 'images', name);
const allocated = (file) => fs.statSync(file).blocks * 512;

// --- one client ---

const request = (method, where, options = {}) => yd.api(method, where, options);

async function waitJob(job, every) {
  for (;;) {
    const now = await request('GET', `/jobs/${job.id}`);
    if (now.state === 'done') return now;
    if (!['queued', 'running'].includes(now.state)) throw new Error(`${now.kind} ${now.state}: ${now.error}`);
    await sleep(every);
  }
}

// From asking until RDP is confirmed: { ticket, rdp } in ms since asked, the desktop's id, and the jobs in between.
async function client(person, where, every) {
  const jobs = [];
  const began = performance.now();
  for (;;) {
    const answer = await request('POST', `${where}/connections`, { token: person.token, body: { protocol: 'rdp' } });
    if (answer.state === 'ready') {
      const ticket = performance.now() - began;
      const { wire, granted } = await rdpOpen(yd.port, answer.ticket, { seconds: 60 });
      const rdp = performance.now() - began;
      wire.close();
      if (!granted) throw new Error(`RDP does not answer to ${person.username}`);
      return { person, ticket, rdp, jobs, id: answer.desktop_id, connection: answer.id };
    }
    jobs.push(await waitJob(answer.job ?? answer, every));
  }
}

const together = (askers) => {
  const every = Math.max(50, 20 * askers.length);
  return Promise.all(askers.map(({ person, where }) => client(person, where, every)));
};

// --- what a desktop has and costs ---

async function verify(got) {
  const desktop = await request('GET', `/desktops/${got.id}`);
  const text = await inGuest(got.id, `hostname; grep '^${got.person.username}:' /etc/shadow | cut -d: -f2 | cut -c1; head -c 512 /dev/vda | wc -c; cat /etc/yundesk-desktop`);
  const [hostname, password, disk, mark] = text.trim().split('\n');
  if (!hostname.startsWith(desktop.name.slice(0, 20)) || password !== '$' || disk !== '512' || mark !== got.id) throw new Error(`${desktop.name} is not as it should be: ${text}`);
}

function machines() {
  const found = new Map();
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const name = /guest=yd-([^,\0]+)/.exec(fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
      if (name) found.set(name[1], pid);
    } catch { /* it has ended */ }
  }
  return found;
}

const pss = (pid) => Number(/^Pss: +(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) * 1024;

async function cost(all) {
  await sleep(what.settle * 1000);
  const pids = machines();
  return { memory: mean(all.map((got) => pss(pids.get(got.id)))), disk: mean(all.map((got) => allocated(image(`${got.id}.qcow2`)))) };
}

// --- the table ---

function note(name, count, all, costs) {
  const ticket = all.map((got) => got.ticket);
  const rdp = all.map((got) => got.rdp);
  const row = { name, count, n: all.length, ticket: at(ticket, 0.5), p50: at(rdp, 0.5), max: Math.max(...rdp), memory: costs.length ? mean(costs.map((it) => it.memory)) : NaN, disk: costs.length ? mean(costs.map((it) => it.disk)) : NaN, load: load() };
  rows.push(row);
  console.log(line(row));
  if (!what.steps) return;
  const steps = new Map();
  for (const { jobs } of all) {
    for (const job of jobs) {
      steps.set(`${job.kind}: waited`, [...(steps.get(`${job.kind}: waited`) ?? []), Date.parse(job.started ?? job.created) - Date.parse(job.created)]);
      for (const [step, ms] of Object.entries(job.result?.step_ms ?? {})) steps.set(`${job.kind}: ${step}`, [...(steps.get(`${job.kind}: ${step}`) ?? []), ms]);
    }
  }
  for (const [step, values] of steps) console.log(`    ${String(at(values, 0.5)).padStart(6)} ms  ${step}`);
}

const head = '| guest, way | at once | n | ticket p50 | RDP p50 | RDP max | PSS each | disk each | load |\n|---|---|---|---|---|---|---|---|---|';
const amount = (bytes) => (Number.isNaN(bytes) ? '–' : `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`);
const line = (row) => `| ${what.guest}, ${row.name} | ${row.count} | ${row.n} | ${seconds(row.ticket)} s | ${seconds(row.p50)} s | ${seconds(row.max)} s | ${amount(row.memory)} | ${amount(row.disk)} | ${row.load} |`;

// --- pools, people, cleaning up ---

async function makePool(name, more = {}) {
  const pool = await yd.make_('/pools', { name, template_version_id: base.version.id, network_id: base.network.id, vcpus: guest.vcpus, memory_mib: guest.memory, disk_gib: guest.disk, ...more });
  await request('POST', `/pools/${pool.id}/entitlements`, { body: { department_id: base.department.id } });
  return pool;
}

async function makePeople(count) {
  const all = [];
  for (let i = 0; i < count; i++) all.push(await yd.person(`bench${++people}`, { department: base.department.id }));
  return all;
}

const desktopsOf = async (pool) => (await request('GET', `/desktops?pool_id=${pool.id}&limit=1000`)).items;

async function removePool(pool) {
  await request('PATCH', `/pools/${pool.id}`, { body: { enabled: false, ...(pool.kind === 'floating' ? { warm: 0, min_ready: 0 } : {}) } });
  for (;;) {
    const left = await desktopsOf(pool);
    if (left.length === 0) break;
    const jobs = [];
    for (const desktop of left) {
      try {
        jobs.push(await request('DELETE', `/desktops/${desktop.id}`));
      } catch { /* another job is at it */ }
    }
    for (const job of jobs) await yd.job(job).catch(() => {});
    await sleep(200);
  }
  await request('DELETE', `/pools/${pool.id}`);
}

async function leave() {
  for (const state of ['new', 'active', 'dropped']) {
    for (const it of (await request('GET', `/connections?state=${state}&limit=1000`)).items) await request('DELETE', `/connections/${it.id}`).catch(() => {});
  }
}

// --- parts ---

// A fresh desktop for each; restored: then saved, and woken by the same people.
async function fresh(name, count, { instant, restore }) {
  const all = [];
  const back = [];
  const costs = [];
  const backCosts = [];
  for (let round = 0; round < what.times; round++) {
    const pool = await makePool(`${name}-${count}-${round}`, { instant, policy: { clipboard: false } });
    const where = `/pools/${pool.id}`;
    const askers = (await makePeople(count)).map((person) => ({ person, where }));
    const got = await together(askers);
    for (const it of got) await verify(it);
    const start = got.map((it) => it.jobs.find((job) => job.kind === 'desktop-start')?.result);
    const wrong = start.find((result) => result.start !== (instant ? 'instant' : 'cold'));
    if (wrong) missing.push(`${name}, ${count} at once: one started ${wrong.start}: ${wrong.start_reason}`);
    all.push(...got);
    if (what.part.includes(name)) costs.push(await cost(got));
    if (restore) {
      const woken = await restored(pool, askers);
      back.push(...woken);
      backCosts.push(await cost(woken));
    }
    await leave();
    await removePool(pool);
  }
  if (what.part.includes(name)) note(name, count, all, costs);
  if (restore) note('restore', count, back, backCosts);
}

async function restored(pool, askers) {
  await leave();
  await request('PATCH', `/pools/${pool.id}`, { body: { power: { pause_seconds: 1, save_seconds: 2 } } });
  await yd.wait('all are saved', async () => (await desktopsOf(pool)).every((desktop) => desktop.state === 'saved'), 600);
  await request('PATCH', `/pools/${pool.id}`, { body: { power: {} } });
  const woken = await together(askers);
  for (const it of woken) {
    await verify(it);
    const cold = it.jobs.find((job) => job.result?.cold);
    if (cold) missing.push(`restore: one started from its disk: ${cold.result.cold}`);
  }
  return woken;
}

// One after another out of one pool when one asks at a time, else a pool each time.
async function warm(count) {
  const all = [];
  const costs = [];
  const spares = count === 1 ? what.times : count;
  for (let round = 0; round < (count === 1 ? 1 : what.times); round++) {
    const pool = await makePool(`warm-${count}-${round}`, { kind: 'floating', warm: spares, max_desktops: spares, policy: { clipboard: false } });
    const askers = (await makePeople(spares)).map((person) => ({ person, where: `/pools/${pool.id}` }));
    await yd.wait('all spares are warm', async () => (await desktopsOf(pool)).filter((desktop) => desktop.state === 'paused').length === spares, 1200);
    const got = [];
    if (count === 1) for (const asker of askers) got.push(...(await together([asker])));
    else got.push(...(await together(askers)));
    for (const it of got) {
      await verify(it);
      if (it.jobs.length) missing.push(`warm, ${count} at once: one had to wait for ${it.jobs.map((job) => job.kind)}`);
    }
    all.push(...got);
    costs.push(await cost(got));
    await leave();
    await removePool(pool);
  }
  note('warm', count, all, costs);
}

async function makeRam() {
  const began = performance.now();
  const job = await yd.job(await request('POST', `/template-versions/${base.version.id}/ram`, { body: { vcpus: guest.vcpus, memory_mib: guest.memory } }), { seconds: 900 });
  const version = await request('GET', `/template-versions/${base.version.id}`);
  const bytes = ['ram', 'stream'].reduce((sum, suffix) => sum + allocated(image(`ram/${version.ram_image}.${suffix}`)), 0);
  console.log(`RAM image made in ${seconds(performance.now() - began)} s (${JSON.stringify(job.result.step_ms)} ms): ${amount(bytes)} for all its clones, their frozen disk ${amount(allocated(image(`${version.ram_image}.qcow2`)))}`);
}

// Record and disk of a hundred, by the pool's keeper: from the pool's being made until all are off and ready to start.
async function derive() {
  const COUNT = 100;
  const began = performance.now();
  const pool = await makePool('derived', { kind: 'floating', min_ready: COUNT, warm: 0, max_desktops: COUNT });
  await yd.wait('all are derived', async () => (await request('GET', `/desktops?pool_id=${pool.id}&state=off&limit=1000`)).items.length === COUNT, 600);
  const ms = performance.now() - began;
  const made = await desktopsOf(pool);
  console.log(`${COUNT} floating desktops derived (record, address, disk) in ${seconds(ms)} s; disk ${amount(mean(made.map((it) => allocated(image(it.image ?? `${it.id}.qcow2`)))))} each; load ${load()}`);
  await removePool(pool);
}

// A change of that size, written by the workbench's guest; sealed, then read and booted once.
async function publish() {
  const large = path.join(yd.uploads, 'large.qcow2');
  await ok('qemu-img', ['convert', '-O', 'qcow2', await guestImage(what.guest), large], { seconds: 600 });
  await ok('qemu-img', ['resize', '-q', large, `${what.change + guest.disk + 2}G`]);
  const template = await yd.make_('/templates', { name: 'large', os: 'linux', access: 'rdp' });
  await yd.job(await request('POST', `/templates/${template.id}/versions`, { body: { path: large } }));
  await yd.job(await request('POST', `/templates/${template.id}/workbenches`, { body: { network_id: base.network.id, vcpus: 1, memory_mib: guest.memory } }));
  const bench = (await request('GET', `/desktops?template_id=${template.id}`)).items[0];
  const seen = async () => (await shellOf(`yd-${bench.id}`, 'echo up').catch(() => '')).trim() === 'up';
  await yd.wait('its agent answers', seen, 300);
  // 8 MiB of noise again and again, behind the guest's own file systems; in pieces, since the agent is asked one command at a time.
  const first = guest.disk * 128;
  for (let gib = 0; gib < what.change; gib++) {
    await inGuest(bench.id, `[ -s /tmp/noise ] || head -c 8388608 /dev/urandom >/tmp/noise; i=0; while [ $i -lt 128 ]; do dd if=/tmp/noise of=/dev/vda bs=8M seek=$((${first} + ${gib} * 128 + i)) conv=notrunc 2>/dev/null || exit 1; i=$((i + 1)); done; sync`);
  }
  await yd.job(await request('POST', `/desktops/${bench.id}/shutdown`), { seconds: 300 });
  const changed = allocated(image(`${bench.id}.qcow2`));
  const began = performance.now();
  const job = await request('POST', `/workbenches/${bench.id}/finish`, { body: { notes: 'bench' } });
  const state = async () => (await request('GET', `/templates/${template.id}/versions`)).items.find((it) => it.number === 2)?.state;
  while (!(await state())) await sleep(20);
  const checking = performance.now() - began;
  const { result } = await yd.job(job);
  const check = await yd.job(await request('GET', `/jobs/${result.check_job}`), { seconds: 1200 });
  console.log(`publish of a change of ${(changed / 1024 / MIB).toFixed(2)} GiB: from off to checking ${seconds(checking)} s (${JSON.stringify(result.step_ms)} ms); then checksum ${seconds(check.result.step_ms.checksum)} s, trial boot ${seconds(check.result.step_ms.boot)} s; load ${load()}`);
}

// --- all ---

async function attempt(name, run) {
  try {
    await run();
  } catch (error) {
    missing.push(`${name}: ${error.message.split('\n')[0]}`);
    console.log(`not possible: ${name}: ${error.message}`);
  }
}

yd = await Product.start({ config: { deskd: { cheap_passwords: 'yes' } } });
try {
  base = await yd.office({ guest: what.guest, memory: guest.memory, vcpus: guest.vcpus, disk: guest.disk });
  console.log(`${new Date().toISOString()}, ${os.cpus().length} × ${os.cpus()[0].model}, ${(os.totalmem() / 1024 / MIB).toFixed(0)} GiB, Linux ${os.release()}, guests emulated; load ${load()}\n${head}`);
  for (const count of what.desktops) {
    const restore = what.part.includes('restore');
    if (restore || what.part.includes('cold')) await attempt(`cold, ${count} at once`, () => fresh('cold', count, { instant: false, restore }));
  }
  if (what.part.includes('instant')) {
    await attempt('RAM image', makeRam);
    for (const count of what.desktops) await attempt(`instant, ${count} at once`, () => fresh('instant', count, { instant: true }));
  }
  if (what.part.includes('warm')) for (const count of what.desktops) await attempt(`warm, ${count} at once`, () => warm(count));
  if (what.part.includes('derive')) await attempt('derive', derive);
  if (what.part.includes('publish')) await attempt('publish', publish);
} finally {
  console.log(`\n${head}\n${rows.map(line).join('\n')}`);
  for (const it of missing) console.log(`not as asked: ${it}`);
  await yd.stop();
}
