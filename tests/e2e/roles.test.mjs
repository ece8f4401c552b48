// SPDX-License-Identifier: Apache-2.0
// Two people never reach each other's desktop: every route that deskd has, through the gate, as nobody, as a colleague and as
// the manager of another department, with the ids of somebody's real, running desktop and all that belongs to it.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { ok } from '../lib/process.mjs';
import { Product, program } from '../lib/product.mjs';
import { rdpOpen } from '../lib/wire.mjs';

let yd;
let routes;
let office;
const people = {};
const alices = {};

before(async () => {
  yd = await Product.start();
  routes = JSON.parse(await ok(program('deskd'), ['--print-routes'])).routes;
  office = await yd.office();
  people.alice = await yd.person('alice', { department: office.department.id });
  people.bob = await yd.person('bob', { department: office.department.id });
  people.mona = await yd.person('mona', { role: 'manager' });
  const other = await yd.api('POST', '/departments', { body: { number: 'D2', name: 'Elsewhere' } });
  await yd.api('POST', `/departments/${other.id}/managers`, { body: { user_id: people.mona.id } });
  alices.connection = await yd.connect(people.alice, { pool: office.pool.id });
  const [desktop] = (await yd.api('GET', `/desktops?user_id=${people.alice.id}`)).items;
  const [job] = (await yd.api('GET', `/jobs?object_id=${desktop.id}`)).items;
  const [login] = (await yd.api('GET', '/me/logins', { token: people.alice.token })).items;
  Object.assign(alices, { desktop: desktop.id, job: job.id, login: login.id, uuid: desktop.uuid, ip: desktop.ip });
});
after(() => yd?.stop());

const ids = () => ({
  users: [people.alice.id], departments: [office.department.id, people.alice.id], pools: [office.pool.id, office.pool.id],
  desktops: [alices.desktop], connections: [alices.connection.id], jobs: [alices.job], me: [alices.login],
  templates: [office.template.id], 'template-versions': [office.version.id], networks: [office.network.id], hosts: ['hst-x'],
  media: ['med-x'], 'personal-disks': ['pdk-x'], 'restore-points': ['rpt-x'], backups: ['bkp-x'], workbenches: [alices.desktop], rollouts: ['rol-x'], gates: ['gate-1'],
});

const bodies = [
  [/\/connections$/, { protocol: 'rdp' }], [/\/members$|\/managers$|\/entitlements$/, { user_id: 'usr-x' }],
  [/\/handout$/, { user_ids: ['usr-x'] }], [/\/versions$/, { path: '/nowhere' }], [/\/password$/, { old: 'x', new: 'y' }],
  [/\/(drain|fence|migrate)$/, {}], [/\/restore-points$/, { note: 'x' }], [/\/restore$/, { personal: true }], [/\/give-back$/, { disk: 'personal', path: '/x' }],
];

function filled(route) {
  const noun = route.path.split('/')[3];
  let n = 0;
  return route.path.replace(/\{\w+\}/g, () => ids()[noun][n++]);
}

function send(route, where, token) {
  const options = { token };
  if (/POST|PATCH/.test(route.method) && !route.path.endsWith('/import')) {
    options.body = bodies.find(([pattern]) => pattern.test(route.path))?.[1] ?? { name: 'x' };
  } else if (/POST|PUT/.test(route.method)) {
    options.text = 'x';
    options.headers = { 'Content-Type': route.method === 'PUT' ? 'application/octet-stream' : 'text/csv' };
  }
  return yd.request(route.method, where, options);
}

const closed = () => routes.filter((route) => route.right !== 'none');

test('nobody gets in without a log-in', async () => {
  for (const route of closed()) {
    const answer = await send(route, filled(route));
    assert.equal(answer.status, 401, `${route.method} ${route.path}: ${answer.text}`);
    assert.equal(answer.body.code, 'unauthenticated');
  }
});

// Pools are given to bob too, and he may look at the one.
const shared = /^\/api\/v1\/pools\/\{id\}(\/connections)?$/;

for (const name of ['bob', 'mona']) {
  test(`${name} reaches nothing of alice's by any route`, async () => {
    let tried = 0;
    for (const route of closed().filter(({ path }) => path.includes('{') && !(name === 'bob' && shared.test(path)))) {
      const where = filled(route);
      const answer = await send(route, where, people[name].token);
      assert.ok([403, 404].includes(answer.status), `${route.method} ${where} as ${name}: ${answer.status} ${answer.text}`);
      tried++;
    }
    assert.ok(tried > 40, `${tried} routes were tried`);
    const desktop = await yd.api('GET', `/desktops/${alices.desktop}`);
    assert.equal(desktop.state, 'ready', 'it still runs');
  });

  test(`${name} does not see anything of alice's in any list`, async () => {
    const secrets = [alices.desktop, alices.uuid, alices.job, alices.connection.id, alices.connection.ticket, alices.login];
    for (const route of closed().filter(({ method, path }) => method === 'GET' && !path.includes('{') && !path.endsWith('/events'))) {
      const answer = await send(route, route.path, people[name].token);
      for (const secret of secrets) {
        assert.ok(!answer.text.includes(secret), `${route.path} shows ${secret} to ${name}`);
      }
    }
  });
}

test('alice reaches her own', async () => {
  const token = people.alice.token;
  assert.equal((await yd.api('GET', `/desktops/${alices.desktop}`, { token })).id, alices.desktop);
  assert.equal((await yd.api('GET', `/jobs/${alices.job}`, { token })).id, alices.job);
  const [own] = (await yd.api('GET', '/me/desktops', { token })).items;
  assert.equal(own.desktop.id, alices.desktop);
  assert.equal((await yd.request('GET', '/api/v1/users', { token })).status, 403);
});

test("an administrator cannot open somebody's desktop, but its console", async () => {
  const where = `/api/v1/desktops/${alices.desktop}/connections`;
  const rdp = await yd.request('POST', where, { token: yd.admin.token, body: { protocol: 'rdp' } });
  assert.equal(rdp.status, 404, rdp.text);
  const screen = await yd.request('POST', where, { token: yd.admin.token, body: { protocol: 'console' } });
  assert.equal(screen.status, 201, screen.text);
});

test('disabling alice ends her log-in and cuts her session within a second', async () => {
  const fresh = await yd.connect(people.alice, { desktop: alices.desktop });
  const { wire, granted } = await rdpOpen(yd.port, fresh.ticket);
  assert.ok(granted);
  const since = Date.now();
  await yd.api('PATCH', `/users/${people.alice.id}`, { body: { enabled: false } });
  await wire.end?.(5).catch(() => {});
  await wire.until(() => wire.closed, 10);
  assert.ok(wire.closed && Date.now() - since < 2500, `cut after ${Date.now() - since} ms`);
  assert.equal((await yd.request('GET', '/api/v1/me', { token: people.alice.token })).status, 401);
});
