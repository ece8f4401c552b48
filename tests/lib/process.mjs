// SPDX-License-Identifier: Apache-2.0
// Starting, watching and ending programs from a test, by process id only; and waiting for a condition.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

// Everything that a test starts and keeps lies in this folder; in a laboratory it goes with it.
export const dir = process.env.YD_LAB_DIR ?? fs.mkdtempSync('/var/tmp/yd-test.');
export const logDir = path.join(dir, 'logs');
fs.mkdirSync(logDir, { recursive: true });

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Calls probe until it returns something truthy, and returns that. A probe that throws counts as "not yet"; its last
// error is told when the time is over.
export async function poll(what, probe, { seconds = 60, every = 100 } = {}) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    let last;
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}${last ? ` (last: ${last.message})` : ''}`);
    await sleep(every);
  }
}

// Runs a command to its end: { code, signal, stdout, stderr }. Never throws for an exit status.
export function run(command, args = [], { input = '', env = {}, cwd, seconds = 120, encoding = 'utf8' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const out = [];
    const err = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.stdin.on('error', () => {}); // it ended without reading
    child.stdin.end(input);
    child.on('error', (error) => { clearTimeout(timer); reject(error); });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out);
      resolve({ code, signal, stdout: encoding ? stdout.toString(encoding) : stdout, stderr: Buffer.concat(err).toString() });
    });
  });
}

// As run, but throws unless the command succeeds; returns its standard output.
export async function ok(command, args = [], options = {}) {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    throw new Error(`${[command, ...args].join(' ')}: exit ${result.code ?? result.signal}\n${result.stderr}${result.stdout}`);
  }
  return result.stdout;
}

export const virsh = (...args) => ok('virsh', ['-q', '-c', 'qemu:///system', ...args]);

// A program that keeps running. Its output goes to logs/NAME.log (appended over restarts).
export class Program {
  constructor(name, command, args = [], { env = {}, cwd } = {}) {
    this.name = name;
    this.log = path.join(logDir, `${name}.log`);
    const fd = fs.openSync(this.log, 'a');
    this.child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', fd, fd] });
    fs.closeSync(fd);
    this.pid = this.child.pid;
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => { this.error = error; resolve({ code: 127, signal: null }); });
      this.child.on('exit', (code, signal) => resolve({ code, signal }));
    });
    this.ended.then((result) => { this.result = result; });
    children.add(this);
  }

  get alive() {
    return this.result === undefined;
  }

  tail(lines = 40) {
    return fs.readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  // Open file descriptors, by target: for tests that look for leaks.
  descriptors() {
    return fs.readdirSync(`/proc/${this.pid}/fd`).map((fd) => {
      try {
        return fs.readlinkSync(`/proc/${this.pid}/fd/${fd}`);
      } catch {
        return 'gone';
      }
    });
  }

  // Sends the signal and waits; a program that does not end within the limit is killed and told of.
  async stop(signal = 'SIGTERM', seconds = 30) {
    children.delete(this);
    if (!this.alive) return this.result;
    this.child.kill(signal);
    let timer;
    const late = new Promise((resolve) => { timer = setTimeout(() => resolve('late'), seconds * 1000); });
    const result = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (result !== 'late') return result;
    this.child.kill('SIGKILL');
    await this.ended;
    throw new Error(`${this.name} did not end within ${seconds} s of ${signal}; its log ends:\n${this.tail()}`);
  }

  kill() { // as kill -9 would: no chance to tidy up
    return this.stop('SIGKILL');
  }
}

const children = new Set();
process.on('exit', () => { for (const program of children) program.child.kill('SIGKILL'); });

// What a sanitizer said, if it did.
export function sanitizerReport(text) {
  const found = /^.*(ERROR: (Address|Leak)Sanitizer|runtime error:|WARNING: ThreadSanitizer).*$/m.exec(text);
  return found ? text.slice(found.index, found.index + 6000) : null;
}
