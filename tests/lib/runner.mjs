// SPDX-License-Identifier: Apache-2.0
// Runs what ./test offers: makes the list of items, runs them side by side within their time limits, counts GTest
// cases and node tests out of their TAP, keeps a log of each and ends with one plain line. It decides no test's outcome.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
process.chdir(root);
const logs = path.join(root, 'build-logs');
const MEMORY_BYTES = 4 * 1024 ** 3; // what there has to be free for the unit tests' files
const builds = { gcc: path.join(root, 'build'), asan: path.join(root, 'build-asan'), clang: path.join(root, 'build-clang') };

function usage(message) {
  console.error(`test: ${message}; see ./test --help`);
  process.exit(2);
}

function parseArguments(argv) {
  const options = { only: [], list: false, all: false, jobs: os.cpus().length };
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--list') options.list = true;
    else if (argv[i] === '--all') options.all = true;
    else if (argv[i] === '--no-install') continue;
    else if (argv[i] === '--only') options.only.push(argv[++i] ?? usage('--only wants a pattern'));
    else if (argv[i] === '--jobs') options.jobs = Number(argv[++i]);
    else usage(`unknown argument '${argv[i]}'`);
  }
  if (!(Number.isInteger(options.jobs) && options.jobs > 0)) usage('--jobs wants a number from 1 up');
  return options;
}

function matches(name, patterns) {
  return patterns.length === 0 || patterns.some((pattern) => {
    if (!/[*?]/.test(pattern)) return name.includes(pattern);
    const expression = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.');
    return new RegExp(`^${expression}$`).test(name);
  });
}

// --- what there is to run ----------------------------------------------------------------------------------------

const sanitizers = {
  ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:abort_on_error=0',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  LSAN_OPTIONS: `suppressions=${path.join(root, 'tests/lib/lsan.supp')}:print_suppressions=0`,
  G_SLICE: 'always-malloc',
};

function buildItem(name, folder, setup, env = {}) {
  const script = `[ -e ${folder}/build.ninja ] || meson setup ${folder} ${setup}; exec ninja -C ${folder}`;
  return { name: `build/${name}`, command: ['sh', '-ec', script], env, seconds: 3000, alone: true };
}

function buildItems() {
  return [
    buildItem('asan', builds.asan, '-Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1'),
    buildItem('gcc', builds.gcc, ''),
    buildItem('clang', builds.clang, '-Db_lundef=false', { CC: 'ccache clang' }),
  ];
}

function checkItems() {
  return fs.readdirSync('tools').filter((name) => name.startsWith('check-')).sort().map((name) => ({
    name: `check/${name.slice(6)}`,
    command: [path.join(root, 'tools', name)],
    env: { YD_BUILD: builds.gcc },
    seconds: 2400,
    needs: ['build/gcc'],
    alone: name === 'check-tidy',
  }));
}

// The console: its packages, its build, and what is checked without a browser.
function webItems() {
  const item = (name, command, more = {}) => (
    { name: `web/${name}`, command: ['sh', '-ec', command], cwd: path.join(root, 'web'), env: {}, seconds: 600, needs: ['build/web'], ...more });
  const types = 'npx --no-install openapi-typescript ../api/openapi.yaml -o node_modules/.yundesk-schema.d.ts && diff -u src/api/schema.d.ts '
    + 'node_modules/.yundesk-schema.d.ts || { echo "error: src/api/schema.d.ts is old; run: cd web && npm run types"; exit 1; }';
  return [
    { name: 'build/web', command: [path.join(root, 'tools/build-web')], env: {}, seconds: 1200 },
    item('types', types),
    item('check', 'npm run check'),
    item('unit', 'npx --no-install vitest run --reporter=tap-flat', { counts: 'tap' }),
    item('size', 'npm run size'),
  ];
}

// Unit tests' own files lie in memory where there is room: each has a store of its own, and a disk that still writes what
// the builds left makes every commit wait for it.
function memoryFolder() {
  const base = '/dev/shm';
  try {
    const space = fs.statfsSync(base);
    if (space.bavail * space.bsize < MEMORY_BYTES) return null;
    for (const old of fs.readdirSync(base)) { // of a run that was killed
      const pid = /^yundesk-test\.(\d+)\./.exec(old)?.[1];
      if (pid && !fs.existsSync(`/proc/${pid}`)) fs.rmSync(path.join(base, old), { recursive: true, force: true });
    }
    const folder = fs.mkdtempSync(path.join(base, `yundesk-test.${process.pid}.`));
    fs.chmodSync(folder, 0o1777); // as /tmp: some tests are other users
    process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    return folder;
  } catch {
    return null; // then on the disk
  }
}

// Programs that meson knows; before the build has run once there are none to list.
function programItems() {
  const file = path.join(builds.asan, 'meson-info/intro-tests.json');
  if (!fs.existsSync(file)) return [];
  const memory = memoryFolder();
  return JSON.parse(fs.readFileSync(file, 'utf8')).map((test) => {
    const gtest = test.protocol === 'tap' || isGTest(test.cmd[0]);
    const room = /^(contract|fuzz|check|bench)\//.test(test.name) ? '' : 'unit/';
    return {
      name: room + test.name,
      command: gtest ? [...test.cmd, '--tap'] : test.cmd,
      counts: gtest ? 'gtest' : 'exit',
      cwd: test.workdir ?? builds.asan, // as meson does
      env: { ...sanitizers, ...test.env, ...(room && memory ? { TMPDIR: memory } : {}) },
      seconds: Math.max(300, test.timeout ?? 0),
      needs: ['build/asan'],
    };
  }).sort((a, b) => order(a.name) - order(b.name) || a.name.localeCompare(b.name));
}

function order(name) {
  return ['unit/', 'contract/', 'fuzz/'].findIndex((start) => name.startsWith(start)) >>> 0;
}

function isGTest(program) {
  try {
    return fs.readFileSync(program).includes('g_test_run');
  } catch {
    return true; // not built: running it will say so
  }
}

// Lines "// needs: desktop guest" (or secure medium, release build, web console), "// alone", "// seconds: 1800" (its limit) and "// of the
// release build" (which it runs in place of the one with sanitizers) in the first comment of a file steer it.
function nodeItem(folder, file, seconds) {
  const head = fs.readFileSync(path.join(root, folder, file), 'utf8').split('\n').slice(0, 30).join('\n');
  const needs = ['build/asan', 'guest/tiny'];
  if (/^\/\/ needs: .*desktop guest/m.test(head)) needs.push('guest/desktop');
  if (/^\/\/ needs: .*secure medium/m.test(head)) needs.push('guest/secure');
  if (/^\/\/ needs: .*release build/m.test(head)) needs.push('build/gcc');
  if (/^\/\/ needs: .*web console/m.test(head)) needs.push('build/web');
  const fast = /^\/\/ of the release build$/m.test(head);
  if (fast) needs[0] = 'build/gcc';
  const name = `${path.basename(folder)}/${file.replace(/(\.test)?\.mjs$/, '')}`;
  return {
    name,
    command: [path.join(root, 'tests/lib/lab'), 'run', process.execPath, '--test-reporter=tap', path.join(root, folder, file)],
    counts: 'node',
    env: { ...sanitizers, YD_SOURCE: root, YD_BUILD: fast ? builds.gcc : builds.asan, YD_LAB_LOGS: path.join(logs, name.replaceAll('/', '-')) },
    seconds: Number(/^\/\/ seconds: (\d+)$/m.exec(head)?.[1] ?? seconds),
    needs,
    alone: /^\/\/ alone$/m.test(head),
  };
}

function guestItem(name) {
  return { name: `guest/${name}`, command: [path.join(root, 'guest', `build-${name}`)], env: {}, seconds: 1800, alone: true };
}

function folderItems(folder, seconds) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).sort().flatMap((file) => {
    if (file.endsWith('.test.mjs')) return [nodeItem(folder, file, seconds)];
    const full = path.join(root, folder, file);
    const stat = fs.statSync(full);
    if (!stat.isFile() || !(stat.mode & 0o100)) return [];
    const counts = /^# counts: tap$/m.test(fs.readFileSync(full, 'utf8')) ? 'tap' : 'exit';
    return [{ name: `${path.basename(folder)}/${file}`, command: [full], counts, env: { YD_SOURCE: root }, seconds, needs: [], alone: true }];
  });
}

function allItems(options) {
  const guests = ['tiny', 'secure', 'desktop'].filter((name) => fs.existsSync(`guest/build-${name}`)).map(guestItem);
  return [...buildItems(), ...checkItems(), ...webItems(), ...programItems(), ...guests, ...folderItems('tests/e2e', 900),
    ...(options.all ? folderItems('tests/long', 3600) : [])];
}

// --- counting ----------------------------------------------------------------------------------------------------

// Plain lines of TAP, as GTest and vitest's tap-flat write them.
function countTap(text) {
  const count = { passed: 0, failed: 0, skipped: 0, reasons: [], failures: [] };
  for (const line of text.split('\n')) {
    const match = /^(not )?ok \d+\s*-?\s*(.*)$/.exec(line);
    if (!match) continue;
    const skip = /^(.*?)\s*# SKIP\s*(.*)$/i.exec(match[2]);
    if (skip) {
      count.skipped++;
      count.reasons.push(`${skip[1]}: ${skip[2] || 'no reason given'}`);
    } else if (match[1]) {
      count.failed++;
      count.failures.push(match[2]);
    } else count.passed++;
  }
  return count;
}

function countNode(text) {
  const number = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const count = { passed: number('pass'), failed: number('fail') + number('cancelled'), skipped: number('skipped') + number('todo'), reasons: [], failures: [] };
  for (const line of text.split('\n')) {
    const match = /^\s*(not )?ok \d+ - (.*?)(?:\s*# (SKIP|TODO)\s*(.*))?$/.exec(line);
    if (match?.[3]) count.reasons.push(`${match[2]}: ${match[4] || 'no reason given'}`);
    else if (match?.[1]) count.failures.push(match[2]);
  }
  return count;
}

function countOf(item, result, text) {
  if (item.counts !== undefined && item.counts !== 'exit') {
    const count = item.counts === 'node' ? countNode(text) : countTap(text);
    const ran = count.passed + count.failed + count.skipped;
    if (result.code === 77 && ran === 0) return { ...count, skipped: 1, reasons: [lastLine(text)] };
    if (count.failed === 0 && (result.code !== 0 || ran === 0)) {
      count.failed = 1;
      count.failures.push(ran === 0 && result.code === 0 ? 'it ran no test' : result.why);
    }
    return count;
  }
  if (result.code === 0) return { passed: 1, failed: 0, skipped: 0, reasons: [], failures: [] };
  if (result.code === 77) return { passed: 0, failed: 0, skipped: 1, reasons: [lastLine(text)], failures: [] };
  return { passed: 0, failed: 1, skipped: 0, reasons: [], failures: [result.why] };
}

function lastLine(text) {
  return text.trimEnd().split('\n').pop() || 'no reason given';
}

// --- running -----------------------------------------------------------------------------------------------------

const running = new Set();

function execute(item) {
  const file = path.join(logs, `${item.name.replaceAll('/', '-')}.log`);
  const fd = fs.openSync(file, 'w');
  const began = Date.now();
  return new Promise((resolve) => {
    const env = { ...process.env, ...item.env };
    const child = spawn(item.command[0], item.command.slice(1), { cwd: item.cwd ?? root, env, stdio: ['ignore', fd, fd], detached: true });
    running.add(child);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      endGroup(child);
    }, item.seconds * 1000);
    const done = (code, why) => {
      clearTimeout(timer);
      running.delete(child);
      fs.closeSync(fd);
      resolve({ code, why, file, seconds: (Date.now() - began) / 1000 });
    };
    child.on('error', (error) => done(127, `could not start: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (timedOut) done(124, `no end within ${item.seconds} s`);
      else done(code ?? 128, signal ? `ended by ${signal}` : `exit status ${code}`);
    });
  });
}

function endGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of running) endGroup(child);
    console.log(`test: ended by ${signal}`);
    process.exit(1);
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };
const outcome = new Map(); // item name → true when it passed
const underWay = new Map(); // item name → promise of its end
const report = { failures: [], reasons: [], skips: [], slow: [] };

function record(item, result, count, progress) {
  for (const key of Object.keys(total)) total[key] += count[key];
  outcome.set(item.name, count.failed === 0 && result.code !== 77);
  report.slow.push([result.seconds, item.name]);
  for (const reason of count.reasons) report.skips.push(`${item.name}: ${reason}`);
  const word = count.failed ? 'FAIL' : count.passed ? 'ok  ' : 'skip';
  const cases = count.passed + count.failed + count.skipped > 1 ? ` (${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped)` : '';
  console.log(`[${progress}] ${word} ${item.name} ${result.seconds.toFixed(1)} s${cases}`);
  if (!count.failed) return;
  report.failures.push(`${item.name}: ${count.failures.join(', ') || 'failed'}${result.file ? ` (${path.relative(root, result.file)})` : ''}`);
  if (!result.file) return;
  const text = fs.readFileSync(result.file, 'utf8');
  console.log(excerpt(text));
  report.reasons.push(`${item.name}:`, ...reasons(text));
}

// The lines that say why, of a log of any kind: told once more at the end, where no other output hides them.
function reasons(text) {
  const said = text.split('\n').filter((line) => /ERROR:|^\s*error: |runtime error:|SUMMARY: |^\s*(expected|actual): |: warning: |^\s*not ok /.test(line));
  return said.slice(0, 12).map((line) => `    | ${line.trim().slice(0, 300)}`);
}

function excerpt(text) {
  const lines = text.trimEnd().split('\n');
  const first = lines.findIndex((line) => /^\s*not ok|ERROR: (Address|Leak)Sanitizer|runtime error:|\berror:|Bail out!/.test(line));
  const picked = first >= 0 && first < lines.length - 45
    ? [...lines.slice(Math.max(0, first - 5), first + 25), '…', ...lines.slice(-15)] : lines.slice(-45);
  return picked.map((line) => `    | ${line.slice(0, 400)}`).join('\n');
}

async function runItems(items, options) {
  const waiting = [...items];
  const active = new Set();
  let finished = 0;
  let alone = false;
  while (waiting.length || active.size) {
    while (waiting.length && active.size < options.jobs && !alone && (!waiting[0].alone || active.size === 0)) {
      const item = waiting.shift();
      alone = Boolean(item.alone);
      const work = runItem(item).then(([result, count]) => {
        active.delete(work);
        underWay.delete(item.name);
        if (item.alone) alone = false;
        finished++;
        record(item, result, count, `${String(finished).padStart(String(items.length).length)}/${items.length}`);
      });
      active.add(work);
      underWay.set(item.name, work);
    }
    await Promise.race(active);
  }
}

// What an item needs stands before it, but may still be running beside it.
async function runItem(item) {
  await Promise.all((item.needs ?? []).map((name) => underWay.get(name)));
  const broken = (item.needs ?? []).find((name) => outcome.get(name) === false);
  if (broken) {
    const result = { code: 1, why: `${broken} failed`, seconds: 0 };
    return [result, { passed: 0, failed: 1, skipped: 0, reasons: [], failures: [result.why] }];
  }
  const result = await execute(item);
  return [result, countOf(item, result, fs.readFileSync(result.file, 'utf8'))];
}

// The items wanted, with the builds and guests that they need before them.
function select(options) {
  const items = allItems(options);
  const wanted = items.filter((item) => matches(item.name, options.only));
  const needed = new Set(wanted.flatMap((item) => item.needs ?? []));
  return items.filter((item) => wanted.includes(item) || needed.has(item.name));
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  fs.mkdirSync(logs, { recursive: true });
  if (options.list) {
    if (!fs.existsSync(builds.asan)) console.error('test: unit, contract and fuzz tests are listed once ./test has built them');
    for (const item of select(options)) console.log(item.name);
    return 0;
  }
  const began = Date.now();
  // The list of programs is complete only after the build, so that comes first.
  const first = buildItems()[0];
  const patterns = options.only;
  const early = patterns.length === 0 || patterns.some((p) => !/^(check|build|guest)\b/.test(p));
  if (early) await runItems([first], options);
  await runItems(select(options).filter((item) => !outcome.has(item.name)), options);
  const minutes = ((Date.now() - began) / 60000).toFixed(1);
  report.slow.sort((a, b) => b[0] - a[0]);
  console.log(`\nslowest: ${report.slow.slice(0, 8).map(([seconds, name]) => `${name} ${seconds.toFixed(1)} s`).join(', ')}`);
  for (const skip of report.skips) console.log(`skipped: ${skip}`);
  for (const failure of report.failures) console.log(`FAILED:  ${failure}`);
  for (const line of report.reasons) console.log(line);
  console.log(`${minutes} min, logs in ${path.relative(root, logs)}/`);
  if (total.passed + total.failed === 0) console.log('test: nothing ran');
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

process.exitCode = await main();
