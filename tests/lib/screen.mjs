// SPDX-License-Identifier: Apache-2.0
// An X server without a screen for real clients (xfreerdp, remote-viewer), and looking at what they show.

import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { dir, logDir, ok, poll, run } from './process.mjs';

let count = 0;

// Starts Xvfb on a display number of its own choice. Use the returned `env` for clients.
export async function startScreen({ width = 1024, height = 768 } = {}) {
  const file = path.join(dir, `display-${process.pid}-${count++}`);
  const fd = fs.openSync(file, 'w+');
  const log = fs.openSync(path.join(logDir, 'Xvfb.log'), 'a');
  const child = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset'],
    { stdio: ['ignore', log, log, fd] });
  process.on('exit', () => child.kill('SIGKILL'));
  const number = await poll('Xvfb', () => fs.readFileSync(file, 'utf8').trim(), { seconds: 60 });
  fs.closeSync(fd);
  fs.closeSync(log);
  const display = `:${number}`;
  return {
    display,
    width,
    height,
    env: { DISPLAY: display },
    // A PNG of the whole screen; returns its path.
    async shot(name = 'screen') {
      const png = path.join(logDir, `${name}.png`);
      await ok('import', ['-window', 'root', png], { env: { DISPLAY: display } });
      return png;
    },
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await new Promise((resolve) => { child.on('exit', resolve); });
      }
    },
  };
}

// The number of different colours in a picture.
export async function colours(png) {
  return Number(await ok('identify', ['-format', '%k', png]));
}

// Share (0…1) of a picture's pixels that are of the colour (#rrggbb), within 4 % of each channel.
export async function share(png, colour, crop = null) {
  const args = [png, ...(crop ? ['-crop', crop, '+repage'] : []), '-alpha', 'off', '-fuzz', '4%',
    '-fill', 'black', '+opaque', colour, '-fill', 'white', '-opaque', colour, '-format', '%[fx:mean]', 'info:'];
  return Number(await ok('convert', args));
}

export async function hasWindow(env, name) {
  return (await run('xdotool', ['search', '--onlyvisible', '--name', name], { env })).code === 0;
}
