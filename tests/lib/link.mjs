// SPDX-License-Identifier: Apache-2.0
// A network path that delays and drops packets (link-emulator.c), for a test inside a laboratory: the product listens on
// the near address, clients run at the far end.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from './product.mjs';
import { dir, poll } from './process.mjs';

export class Link {
  static async open({ near = '10.200.0.1', far = '10.200.0.2', device = 'link0' } = {}) {
    const link = new Link();
    Object.assign(link, { near, far, answers: [], ended: false, text: '' });
    link.child = spawn(path.join(build, 'tests/lib/link-emulator'), [near, far, device], { stdio: ['pipe', 'pipe', 'inherit'] });
    link.closed = new Promise((resolve) => { link.child.on('exit', (code) => { link.ended = true; resolve(code); }); });
    link.child.stdout.on('data', (chunk) => {
      const lines = (link.text + chunk).split('\n');
      link.text = lines.pop();
      for (const line of lines) link.answers.push(line);
    });
    const ready = await link.answer();
    link.pid = Number(/^ready (\d+)$/.exec(ready)[1]);
    return link;
  }

  answer() {
    return poll('the link emulator answers', () => {
      if (this.ended) throw new Error('the link emulator ended');
      return this.answers.shift();
    }, { seconds: 30, every: 10 });
  }

  // "delay 75", "up loss 5 rate 8000": see link-emulator.c. Both ways unless told, so "delay 75" adds 150 to a round trip.
  async set(line) {
    this.child.stdin.write(`${line}\n`);
    const answer = await this.answer();
    if (!answer.startsWith('ok')) throw new Error(`${line}: ${answer}`);
    return answer;
  }

  // Packets and drops since the start: { up: { packets, dropped }, down: … }.
  async stats() {
    const [, up, upDropped, down, downDropped] = /up (\d+) (\d+) down (\d+) (\d+)/.exec(await this.set('stats')).map(Number);
    return { up: { packets: up, dropped: upDropped }, down: { packets: down, dropped: downDropped } };
  }

  // Command and arguments that run a command at the far end.
  at(command, args = []) {
    return ['nsenter', ['-t', String(this.pid), '-n', command, ...args]];
  }

  // The path of a program that runs that one at the far end, for what takes nothing but a path.
  script(command) {
    const file = path.join(dir, `far-${path.basename(command)}`);
    fs.writeFileSync(file, `#!/bin/sh\nexec nsenter -t ${this.pid} -n ${command} "$@"\n`, { mode: 0o755 });
    return file;
  }

  async close() {
    this.child.stdin.end();
    return this.closed;
  }
}
