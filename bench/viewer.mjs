// SPDX-License-Identifier: Apache-2.0
// The viewers against their peers, in one run: the person's session in the browser against xfreerdp on the same desktop,
// and the machine's console through the gate against the same noVNC behind websockify. All clients, a browser with a
// window too, run under one Xvfb; one program (bench-pixel) presses the keys and looks at the pixels, so that nothing is
// measured by a client about itself. A window in the guest changes its whole colour at each key. Needs root
// (a laboratory), Xvfb, xfreerdp, websockify, the built console and, for rdp, the demo desktop's image.
//
//   bench/run viewer [rdp] [console] [PRESSES]     YD_BENCH_DETAIL=1 tells when the page loaded what

import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { Browser, close } from '../tests/lib/browser.mjs';
import { Program, dir, poll, run, sleep, virsh } from '../tests/lib/process.mjs';
import { Product, build, freePort, program, source } from '../tests/lib/product.mjs';
import { startScreen } from '../tests/lib/screen.mjs';
import { summary } from '../tests/lib/speed.mjs';

const WIDTH = 1280;
const HEIGHT = 900;
const WALLPAPER = '24506a'; // of the light session
const RECONNECTS = 5;
const words = process.argv.slice(2);
const presses = Number(words.find((word) => /^\d+$/.test(word)) ?? 40);
const parts = words.filter((word) => !/^\d+$/.test(word));
const wanted = (part) => parts.length === 0 || parts.includes(part);
const table = [];
const note = (what, values) => table.push(`${what.padEnd(62)}${summary(values)}`);
const say = (text) => console.error(`bench: ${text}`);
const nowUs = () => Number(process.hrtime.bigint() / 1000n);

// The program that presses and looks; answers come in order.
function startPixel(screen) {
  const child = spawn(path.join(build, 'bench/bench-pixel'), [], { env: { ...process.env, ...screen.env }, stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = [];
  readline.createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line.split(' ')));
  process.on('exit', () => child.kill('SIGKILL'));
  const ask = async (...command) => {
    child.stdin.write(`${command.join(' ')}\n`);
    const answer = await new Promise((resolve) => { waiting.push(resolve); });
    if (answer[0] === 'error:') throw new Error(`bench-pixel: ${answer.join(' ')}`);
    return answer;
  };
  return {
    get: async (at) => (await ask('get', at.x, at.y))[0],
    key: (name, at, ms = 5000) => ask('key', name, at.x, at.y, ms),
    click: async (at) => Number((await ask('click', at.x, at.y))[1]),
    async wait(at, colour, ms = 120000) {
      const [word, time] = await ask('wait', at.x, at.y, colour, ms);
      if (word !== 'seen') throw new Error(`${JSON.stringify(at)} did not become ${colour} within ${ms} ms; it is ${await this.get(at)}`);
      return Number(time);
    },
    stop: () => child.stdin.end(),
  };
}

// Milliseconds from key to changed pixel. The pauses are uneven, so that no client's or guest's beat is met each time.
async function pressAll(pixel, at) {
  const took = [];
  for (let i = -3; i < presses; i++) {
    const [word, pressed, seen] = await pixel.key('a', at);
    if (word !== 'changed') throw new Error('a key changed nothing');
    if (i >= 0) took.push((seen - pressed) / 1000);
    await sleep(120 + (i * 37) % 160);
  }
  return took;
}

async function guestShell(machine, script) {
  const agent = async (request) => JSON.parse(await virsh('qemu-agent-command', '--timeout', '20', machine, JSON.stringify(request))).return;
  const { pid } = await agent({ execute: 'guest-exec', arguments: { path: '/bin/sh', arg: ['-c', script], 'capture-output': true } });
  const status = await poll(`"${script}" ends`, async () => {
    const it = await agent({ execute: 'guest-exec-status', arguments: { pid } });
    return it.exited && it;
  }, { every: 200 });
  return Buffer.from(status['out-data'] ?? '', 'base64').toString();
}

const machineOf = (desktop) => `yd-${desktop.id}`;

// Where a place of an element of the page lies on the X screen.
async function onScreen(page, selector, dx, dy) {
  const box = await page.locator(selector).first().boundingBox();
  const [left, top] = await page.evaluate(() => [window.screenX, window.screenY + window.outerHeight - window.innerHeight]);
  return { x: Math.round(left + box.x + (dx < 1 ? dx * box.width : dx)), y: Math.round(top + box.y + (dy < 1 ? dy * box.height : dy)) };
}

const opened = (page) => page.locator('.yd-viewer[data-phase=open]').waitFor({ timeout: 120000 });

// ---- a person's session ----

// Red, green, red …: the whole terminal, at each key.
const FLIP = 'n=0; printf "\\033[?25l\\033[41m\\033[2J"; while IFS= read -rsn1 key; do n=$((1-n)); printf "\\033[%dm\\033[2J\\033[H" $((41+n)); done';

class Rdp {
  constructor(yd, screen, pixel) {
    Object.assign(this, { yd, screen, pixel, times: {} });
  }

  note(what, ms) {
    (this.times[what] ??= []).push(ms);
  }

  async prepare() {
    this.office = await this.yd.office({ guest: 'desktop', memory: 1536, vcpus: 1, disk: 10 });
    this.alice = await this.yd.person('alice', { department: this.office.department.id });
    say('the demo desktop boots');
    await this.yd.connect(this.alice, { pool: this.office.pool.id, protocol: 'rdp', seconds: 500 });
    this.desktop = (await this.yd.api('GET', '/desktops')).items[0];
    await this.yd.ctl(['whoami'], { as: this.alice }); // logs deskctl in
    this.browser = await Browser.start(this.yd, this.screen);
  }

  // The session ends, so that the next connect is a log-in.
  async endSession() {
    const left = () => guestShell(machineOf(this.desktop), 'pkill -KILL -u alice; sleep 0.5; pgrep -u alice; true');
    await poll('nothing of the person is left', async () => (await left()).trim() === '', { seconds: 60, every: 500 });
    await sleep(2000);
  }

  async freerdp(what, work = async () => undefined) {
    const since = nowUs();
    const client = new Program('deskctl', program('deskctl'), ['desktop', 'connect', 'office', '--rdp', '--open', '--size', `${this.size.width}x${this.size.height}`],
      { env: { ...this.screen.env, XDG_CONFIG_HOME: path.join(this.yd.home, 'ctl', 'alice') } });
    try {
      // Not what was on the screen before.
      await poll('a window of xfreerdp', async () => (await run('xdotool', ['search', '--class', 'xfreerdp'], { env: this.screen.env })).code === 0, { seconds: 120, every: 10 });
      this.note(`xfreerdp: ${what}`, (await this.pixel.wait(this.bare, WALLPAPER) - since) / 1000);
      await work({ x: 300, y: 250 });
    } finally {
      await run('sh', ['-c', 'xdotool search --class xfreerdp windowclose %@'], { env: this.screen.env });
      await client.stop();
    }
    await this.gone();
  }

  // Nothing of the last picture is on the screen, so that the next is not mistaken for it.
  async gone() {
    await poll('the picture is gone', async () => (await this.pixel.get(this.bare)) !== WALLPAPER, { every: 50 });
  }

  async inBrowser(page, what, work = async () => undefined) {
    const button = page.getByRole('button', { name: 'Connect', exact: true });
    await button.waitFor();
    const since = await this.pixel.click(await onScreen(page, '[data-testid=desktop-card] .pf-v6-c-card__footer button', 0.5, 0.5));
    this.note(`browser: ${what}`, (await this.pixel.wait(this.bare, WALLPAPER) - since) / 1000);
    await opened(page);
    await work(await onScreen(page, '[data-testid=screen] canvas', 300, 250));
    await page.goto('/portal');
    await this.gone();
  }

  // A terminal that lies at the same place for both clients.
  async startFlip() {
    fs.writeFileSync(path.join(dir, 'flip'), FLIP);
    const text = Buffer.from(FLIP).toString('base64');
    await guestShell(machineOf(this.desktop), `echo ${text} | base64 -d >/tmp/flip; su alice -c 'DISPLAY=:10 setsid xfce4-terminal --disable-server --hide-menubar --hide-borders --hide-scrollbar --geometry=60x16+100+100 -x bash /tmp/flip >/dev/null 2>&1 </dev/null &'`);
    await poll('the terminal runs', async () => /flip/.test(await guestShell(machineOf(this.desktop), 'ps -u alice -o args=')), { seconds: 150, every: 1000 });
  }

  async keys(who, at) {
    // Whatever its palette: red has most of red, green most of green.
    const shown = async () => {
      const [red, green, blue] = (await this.pixel.get(at)).match(/../g).map((it) => Number.parseInt(it, 16));
      return Math.max(red, green) > 100 && Math.min(red, green) < 60 && blue < 60;
    };
    await poll('the terminal is red or green', shown, { seconds: 120, every: 200 }).catch(async (error) => {
      throw new Error(`${error.message}; ${JSON.stringify(at)} is ${await this.pixel.get(at)}, see ${await this.screen.shot('bench-terminal')}`);
    });
    await this.pixel.click(at);
    await sleep(1000);
    note(`${who}: key to changed pixel`, await pressAll(this.pixel, at));
  }

  async run() {
    await this.prepare();
    // The session has the size of the browser's place for it, for both.
    let page = await this.browser.as(this.alice, { where: `/desktop/${this.desktop.id}`, viewport: null });
    await opened(page);
    const box = await page.locator('[data-testid=screen] canvas').boundingBox();
    this.size = { width: Math.round(box.width), height: Math.round(box.height) };
    this.bare = { x: WIDTH - 300, y: 500 }; // wallpaper in both, beside all windows
    await this.pixel.wait(this.bare, WALLPAPER);
    await this.startFlip();
    await page.goto('/portal');
    await this.gone();
    say(`reconnects at ${this.size.width}x${this.size.height}`);
    for (let i = 0; i < RECONNECTS; i++) {
      await this.inBrowser(page, 'reconnect to first picture', i ? undefined : (at) => this.keys('browser', at));
      await this.freerdp('reconnect to first picture', i ? undefined : (at) => this.keys('xfreerdp', at));
    }
    await close(page);
    say('new log-ins');
    await this.endSession();
    page = await this.browser.as(this.alice, { where: '/portal', viewport: null });
    await this.inBrowser(page, 'new log-in to first picture');
    await this.endSession();
    await this.freerdp('new log-in to first picture');
    for (const what of ['browser: new log-in', 'xfreerdp: new log-in', 'browser: reconnect', 'xfreerdp: reconnect'])
      note(`${what} to first picture`, this.times[`${what} to first picture`]);
    await this.browser.stop();
  }
}

// ---- the console ----

// A page with nothing but the same noVNC, packed as our own is.
async function peerPage(where) {
  const esbuild = createRequire(createRequire(path.join(source, 'web/package.json')).resolve('vite/package.json'))('esbuild');
  fs.mkdirSync(where, { recursive: true });
  fs.writeFileSync(path.join(where, 'main.mjs'), `import RFB from '@novnc/novnc';
const rfb = new RFB(document.querySelector('#screen'), \`wss://\${location.host}/websockify\`, { shared: true });
rfb.scaleViewport = true; rfb.addEventListener('connect', () => { document.title = 'open'; rfb.focus(); });\n`);
  await esbuild.build({ entryPoints: [path.join(where, 'main.mjs')], bundle: true, minify: true, format: 'esm', target: 'es2022',
    outfile: path.join(where, 'out.js'), nodePaths: [path.join(source, 'web/node_modules')], logLevel: 'error' });
  fs.writeFileSync(path.join(where, 'index.html'), '<!doctype html><title>peer</title><style>body{margin:0;background:#fff}#screen{position:fixed}</style><div id="screen"></div><script>const s=new URLSearchParams(location.search);for(const k of ["left","top","width","height"])screen_(k);function screen_(k){document.querySelector("#screen").style[k]=s.get(k)+"px"}</script><script type="module" src="out.js"></script>');
}

async function startPeer(yd, machine) {
  const [, socket] = /<graphics type='vnc' socket='([^']+)'/.exec(await virsh('dumpxml', machine));
  const port = await freePort();
  const where = path.join(dir, 'peer');
  await peerPage(where);
  const cert = path.join(where, 'cert.pem');
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-keyout', cert, '-out', `${cert}.crt`]);
  fs.appendFileSync(cert, fs.readFileSync(`${cert}.crt`));
  const peer = new Program('websockify', 'websockify', ['--ssl-only', '--cert', cert, '--key', cert, '--web', where, '--unix-target', socket, `127.0.0.1:${port}`]);
  const answers = () => run('curl', ['-sk', '-o', '/dev/null', '-f', `https://127.0.0.1:${port}/index.html`]);
  await poll('websockify answers', async () => (await answers()).code === 0);
  return { url: `https://127.0.0.1:${port}/index.html`, stop: () => peer.stop('SIGTERM').catch(() => undefined) };
}

async function measureConsole(yd, screen, pixel) {
  const office = await yd.office({ subnet: 98, name: 'tiny' });
  const bob = await yd.person('bob', { department: office.department.id });
  await yd.connect(bob, { pool: office.pool.id, protocol: 'rdp' });
  const desktop = (await yd.api('GET', '/desktops')).items.find((item) => item.user_id === bob.id);
  const machine = machineOf(desktop);
  const peer = await startPeer(yd, machine);
  const browser = await Browser.start(yd, screen);
  const page = await browser.as(yd.admin, { where: `/console/${desktop.id}`, viewport: null });
  await opened(page);
  const canvas = '[data-testid=screen] canvas';
  await page.locator(canvas).click();
  await guestShell(machine, `echo ${Buffer.from(FLIP).toString('base64')} | base64 -d >/tmp/flip`);
  await page.keyboard.type('sh /tmp/flip', { delay: 60 });
  await page.keyboard.press('Enter');
  const at = await onScreen(page, canvas, 0.5, 0.5);
  await poll('the console is red', async () => (await pixel.get(at)).startsWith('a'), { every: 200 });
  const box = await page.locator('[data-testid=screen]').boundingBox();
  const other = `${peer.url}?left=${box.x}&top=${box.y}&width=${box.width}&height=${box.height}`;
  const first = { 'our console': [], 'noVNC behind websockify': [] };
  const show = async (who, where) => {
    await page.goto('about:blank');
    await poll('the window is blank', async () => (await pixel.get(at)) === 'ffffff', { every: 50 });
    const since = nowUs();
    await page.goto(where, { waitUntil: 'commit' });
    first[who].push((await pixel.wait(at, colour) - since) / 1000);
    if (process.env.YD_BENCH_DETAIL) say(await page.evaluate(() => performance.getEntries().filter((it) => it.responseEnd).map((it) => `${it.name.replace(/.*\/\/[^/]*/, '')} ${Math.round(it.startTime)}-${Math.round(it.responseEnd)}`).join('; ')));
  };
  let colour = await pixel.get(at);
  const keys = {};
  for (let i = 0; i < RECONNECTS; i++) {
    for (const [who, where] of [['our console', `/console/${desktop.id}`], ['noVNC behind websockify', other]]) {
      await show(who, where);
      if (i > 1) continue; // twice each, one after the other
      await pixel.click(at);
      await sleep(1000);
      (keys[who] ??= []).push(...await pressAll(pixel, at));
      colour = await pixel.get(at);
    }
  }
  for (const [who, took] of Object.entries(first)) note(`${who}: page to first picture`, took);
  for (const [who, took] of Object.entries(keys)) note(`${who}: key to changed pixel`, took);
  await browser.stop();
  await peer.stop();
}

const yd = await Product.start();
const screen = await startScreen({ width: WIDTH, height: HEIGHT });
const pixel = startPixel(screen);
try {
  if (wanted('console')) await measureConsole(yd, screen, pixel);
  if (wanted('rdp')) await new Rdp(yd, screen, pixel).run();
  console.log(`${'milliseconds, as seen on the X screen (looked at each 1 ms)'.padEnd(62)}   n      p50      p95      max\n${table.join('\n')}`);
} finally {
  pixel.stop();
  await screen.stop();
  await yd.stop();
}
