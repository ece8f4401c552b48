// SPDX-License-Identifier: Apache-2.0
// The product for a test: deskhost, deskd and deskgate started from YD_BUILD with a configuration and folders of their
// own, the first administrator, calls of the API and of deskctl, ending them and looking at how they ended.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { Program, dir, logDir, ok, poll, run, sanitizerReport } from './process.mjs';

export const source = process.env.YD_SOURCE ?? path.resolve(import.meta.dirname ?? '.', '../..');
export const build = process.env.YD_BUILD ?? path.join(source, 'build');
export const web = path.join(source, 'web/dist'); // the built console
export const program = (name) => path.join(build, 'src', name, name);

// The path of a guest image ("tiny", "desktop"), built when it is not cached.
export async function guestImage(name) {
  return (await ok(path.join(source, 'guest', `build-${name}`), [], { seconds: 1800 })).trim().split('\n').pop();
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function configText(groups) {
  return Object.entries(groups)
    .map(([group, keys]) => `[${group}]\n${Object.entries(keys).map(([key, value]) => `${key}=${value}\n`).join('')}`).join('\n');
}

export class ApiError extends Error {
  constructor(method, where, status, body) {
    super(`${method} ${where}: ${status} ${body?.code ?? ''} ${body?.detail ?? body?.title ?? ''}`);
    this.status = status;
    this.code = body?.code;
    this.body = body;
  }
}

let count = 0;

export class Product {
  // Makes folders, configuration and the first administrator; starts nothing. `config` adds or replaces keys:
  // { deskd: { key: value }, deskgate: …, deskhost: … }. `listen` are more addresses for the gate, on the same port.
  static async make({ config = {}, admin = 'admin', listen = [] } = {}) {
    const yd = new Product();
    yd.home = path.join(dir, `yd${count++ || ''}`);
    yd.state = path.join(yd.home, 'state');
    yd.run = path.join(yd.home, 'run');
    yd.uploads = path.join(yd.home, 'import');
    for (const folder of [yd.state, yd.run, yd.uploads]) fs.mkdirSync(folder, { recursive: true });
    yd.port = await freePort();
    // An address, not a name: a ticket is bound to the client's address, and localhost may be ::1 for one client only.
    yd.url = `https://127.0.0.1:${yd.port}`;
    yd.config = path.join(yd.home, 'yundesk.conf');
    yd.configure({
      paths: { state: yd.state, run: yd.run },
      deskd: { import_dirs: yd.uploads, public_host: '127.0.0.1', public_port: yd.port, ...(fs.existsSync(web) ? { web } : {}), ...config.deskd },
      deskgate: { listen: ['127.0.0.1', ...listen].map((address) => `${address}:${yd.port}`).join(','), names: 'localhost', user: 'root', ...config.deskgate },
      deskhost: { ...config.deskhost },
    });
    yd.programs = {};
    yd.tokens = {};
    yd.agent = null;
    const secret = await ok(program('deskd'), ['--config', yd.config, '--init-admin', admin]);
    yd.first = { username: admin, password: /^password: (.*)$/m.exec(secret)[1] };
    return yd;
  }

  // Product.make, all three programs, and the administrator logged in: `yd.admin` = { username, password, token }.
  static async start(options = {}) {
    const yd = await Product.make(options);
    await yd.startAll();
    const password = 'Correct-horse-9-battery';
    const token = await yd.login(yd.first.username, yd.first.password);
    await yd.api('POST', '/me/password', { token, body: { old: yd.first.password, new: password } });
    yd.admin = { username: yd.first.username, password, token: await yd.login(yd.first.username, password) };
    return yd;
  }

  configure(groups) {
    this.groups = groups;
    fs.writeFileSync(this.config, configText(groups));
  }

  startProgram(name) {
    const started = new Program(this.home.endsWith('yd') ? name : `${name}-${path.basename(this.home)}`, program(name), ['--config', this.config]);
    this.programs[name] = started;
    return started;
  }

  // Starts what does not run, and waits until the gate and the manager answer.
  async startAll({ seconds = 90 } = {}) {
    const starting = (name) => { if (!this.programs[name]?.alive) this.startProgram(name); };
    starting('deskhost');
    starting('deskd');
    await this.wait('deskd makes its socket', () => fs.existsSync(path.join(this.run, 'deskd.sock')), seconds);
    starting('deskgate');
    await this.ready({ seconds });
  }

  // Polls, and tells the programs' last words when one has ended or time is over.
  async wait(what, probe, seconds = 60) {
    const dead = () => Object.values(this.programs).find((p) => !p.alive);
    try {
      return await poll(what, () => {
        if (dead()) throw new Error('dead');
        return probe();
      }, { seconds: seconds * 1, every: 100 });
    } catch (error) {
      const tails = Object.values(this.programs).map((p) => `--- ${p.name}${p.alive ? '' : ` (ended: ${JSON.stringify(p.result)})`}\n${p.tail(25)}`);
      throw new Error(`${error.message}\n${tails.join('\n')}`);
    }
  }

  async ready({ seconds = 90 } = {}) {
    await this.wait('/readyz answers', async () => (await this.request('GET', '/readyz')).status === 200, seconds);
  }

  get ca() {
    return path.join(this.state, 'keys', 'ca.pem');
  }

  // One HTTPS request through the gate: { status, headers, text, body (parsed JSON or undefined) }. Does not throw for a
  // status. `where` is the whole path ("/readyz", "/api/v1/users").
  request(method, where, { token, body, text, headers = {}, seconds = 60, localAddress } = {}) {
    this.caText ??= fs.readFileSync(this.ca);
    this.agent ??= new https.Agent({ keepAlive: true, ca: this.caText });
    const payload = body === undefined ? text : JSON.stringify(body);
    const all = { ...headers };
    if (token) all.Authorization ??= `Bearer ${token}`;
    if (body !== undefined) all['Content-Type'] ??= 'application/json';
    if (payload !== undefined) all['Content-Length'] ??= Buffer.byteLength(payload);
    return new Promise((resolve, reject) => {
      const request = https.request({ host: 'localhost', port: this.port, method, path: where, headers: all, localAddress, family: 4,
        agent: localAddress ? false : this.agent, ca: this.caText, timeout: seconds * 1000 }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const raw = Buffer.concat(chunks);
          const answer = { status: response.statusCode, headers: response.headers, raw, text: raw.toString() };
          if (/json/.test(response.headers['content-type'] ?? '')) {
            try {
              answer.body = JSON.parse(answer.text);
            } catch {
              reject(new Error(`${method} ${where}: not JSON: ${answer.text.slice(0, 200)}`));
            }
          }
          resolve(answer);
        });
      });
      request.on('timeout', () => request.destroy(new Error(`${method} ${where}: no answer within ${seconds} s`)));
      request.on('error', reject);
      request.end(payload);
    });
  }

  // A call of the API as the administrator (or `token`); returns the parsed body; throws ApiError for 4xx and 5xx.
  async api(method, where, options = {}) {
    const answer = await this.request(method, `/api/v1${where}`, { token: this.admin?.token, ...options });
    if (answer.status >= 400) throw new ApiError(method, where, answer.status, answer.body);
    return answer.body;
  }

  async login(username, password) {
    const answer = await this.request('POST', '/api/v1/login', { body: { username, password, kind: 'bearer' } });
    if (answer.status >= 400) throw new ApiError('POST', '/login', answer.status, answer.body);
    return answer.body.token;
  }

  // Waits for a job's end; returns it; throws when it failed. Takes a job, or an answer that holds one.
  async job(answer, { seconds = 180, token } = {}) {
    const id = answer.job?.id ?? answer.id;
    const done = await this.wait(`job ${id} (${answer.job?.kind ?? answer.kind}) ends`, async () => {
      const job = await this.api('GET', `/jobs/${id}`, token ? { token } : {});
      return ['done', 'failed', 'cancelled'].includes(job.state) ? job : null;
    }, seconds);
    if (done.state !== 'done') throw new Error(`job ${done.kind} ${done.state}: ${JSON.stringify(done)}`);
    return done;
  }

  // Makes a person who has already changed the first password: { id, username, password, token }.
  async person(username, { role = 'user', department } = {}) {
    const password = `Staple-${username}-77-lamp`;
    const user = await this.api('POST', '/users', { body: { username, name: username, number: `n-${username}`, role } });
    const first = (await this.api('POST', `/users/${user.id}/password`)).password;
    const token = await this.login(username, first);
    await this.api('POST', '/me/password', { token, body: { old: first, new: password } });
    if (department) await this.api('POST', `/departments/${department}/members`, { body: { user_id: user.id } });
    return { id: user.id, username, password, token: await this.login(username, password) };
  }

  // Network, template (from a guest image) and pool, given to a department: { network, template, version, pool, department }.
  async office({ guest = 'tiny', memory = 128, vcpus = 1, disk = 1, access = 'rdp', subnet = 99, ...pool } = {}) {
    const image = path.join(this.uploads, `${guest}.qcow2`);
    fs.copyFileSync(await guestImage(guest), image);
    const network = await this.make_('/networks', { name: `net-${guest}`, cidr: `10.${subnet}.0.0/24`, range_first: `10.${subnet}.0.10`, range_last: `10.${subnet}.0.250` });
    const template = await this.make_('/templates', { name: guest, os: 'linux', access });
    const imported = await this.job(await this.api('POST', `/templates/${template.id}/versions`, { body: { path: image, notes: 'test' } }));
    const versions = (await this.api('GET', `/templates/${template.id}/versions`)).items;
    const department = await this.make_('/departments', { name: 'Office', number: 'D1' });
    const made = await this.make_('/pools', { name: 'office', template_version_id: versions[0].id, network_id: network.id, vcpus, memory_mib: memory, disk_gib: disk, ...pool });
    await this.api('POST', `/pools/${made.id}/entitlements`, { body: { department_id: department.id } });
    return { network, template, version: versions[0], pool: made, department, imported };
  }

  // POSTs and, when that is a job, waits for it; returns the object made.
  async make_(where, body) {
    const answer = await this.api('POST', where, { body });
    if (!answer.job && !answer.id?.startsWith('job-')) return answer;
    const job = await this.job(answer);
    return this.api('GET', `${where}/${job.object_id}`);
  }

  // Asks for a connection until it is ready; the desktop is derived and started on the way.
  async connect(person, { pool, desktop, protocol = 'rdp', seconds = 240 } = {}) {
    const where = desktop ? `/desktops/${desktop}/connections` : `/pools/${pool}/connections`;
    return this.wait(`${person.username}'s ${protocol} connection is ready`, async () => {
      const answer = await this.api('POST', where, { token: person.token, body: { protocol } });
      if (answer.state === 'ready') return answer;
      await this.job(answer, { seconds, token: person.token });
      return null;
    }, seconds);
  }

  // Runs deskctl as the administrator, or as a person { username, password }; returns the result of run().
  async ctl(args, { as = this.admin, input = '', env = {}, seconds = 240 } = {}) {
    const folder = path.join(this.home, 'ctl', as.username);
    const all = { XDG_CONFIG_HOME: folder, ...env };
    if (!fs.existsSync(folder)) {
      fs.mkdirSync(folder, { recursive: true });
      await ok(program('deskctl'), ['login', this.url, '--ca', this.ca, '--username', as.username, '--password-stdin'],
        { env: all, input: `${as.password}\n` });
    }
    const once = () => run(program('deskctl'), args, { env: all, input, seconds });
    const result = await once();
    // The search for leaks, after the program's end, can itself crash on a thread that is just ending; then it leaves
    // its own exit status in place of the program's.
    if (!/Tracer caught signal/.test(result.stderr)) return result;
    console.log(`# the search for leaks crashed; run once more: deskctl ${args.join(' ')}`);
    return once();
  }

  // As ctl, for one that has to succeed: its standard output.
  async done(...args) {
    const result = await this.ctl(args);
    assert.equal(result.code, 0, `deskctl ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  }

  // As ctl, for one that has to fail and say so.
  async refused(pattern, ...args) {
    const result = await this.ctl(args);
    assert.notEqual(result.code, 0, `deskctl ${args.join(' ')} was not refused`);
    assert.match(result.stderr, pattern);
  }

  // As ctl with --json: the parsed output; throws when deskctl fails.
  async ctlJson(args, options = {}) {
    const result = await this.ctl([...args, '--json'], options);
    if (result.code !== 0) throw new Error(`deskctl ${args.join(' ')}: exit ${result.code}\n${result.stderr}`);
    return JSON.parse(result.stdout);
  }

  kill(name) {
    return this.programs[name].kill();
  }

  // Ends all three, the gate first. Fails unless each ended by itself with status 0 and no sanitizer complained.
  async stop() {
    this.agent?.destroy();
    const faults = [];
    for (const name of ['deskgate', 'deskd', 'deskhost']) {
      const it = this.programs[name];
      if (!it) continue;
      try {
        const { code, signal } = await it.stop();
        if (code !== 0 && signal !== 'SIGKILL') faults.push(`${name} ended with ${signal ?? code}; its log ends:\n${it.tail()}`);
      } catch (error) {
        faults.push(error.message);
      }
      const report = sanitizerReport(fs.readFileSync(it.log, 'utf8'));
      if (report) faults.push(`${name}:\n${report}`);
    }
    this.programs = {};
    if (faults.length) throw new Error(faults.join('\n'));
  }
}

export { dir, logDir };
