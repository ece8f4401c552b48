// SPDX-License-Identifier: Apache-2.0
// The product moves from SQLite to a real MariaDB (TLS, a password in a file), goes on there with the same log-ins and
// desktops, outlives the death of the database server, and moves back.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Database } from '../lib/database.mjs';
import { ok, run } from '../lib/process.mjs';
import { Product, program } from '../lib/product.mjs';
import { rdpOpen, echo } from '../lib/wire.mjs';

let db;
let yd;
let office;
let alice;
let wire; // alice's session

before(async () => {
  [db, yd] = await Promise.all([Database.start(), Product.start()]);
  office = await yd.office();
  alice = await yd.person('alice', { department: office.department.id });
});
after(async () => {
  await yd?.stop();
  await db?.stop();
});

const deskd = (...args) => run(program('deskd'), ['--config', yd.config, ...args]);

async function open(person) {
  const c = await yd.connect(person, { pool: office.pool.id, protocol: 'rdp' });
  const opened = await rdpOpen(yd.port, c.ticket);
  assert.ok(opened.granted && await echo(opened.wire));
  return opened.wire;
}

// Ends deskd alone: desktops and sessions go on.
async function moveTo(where) {
  await yd.programs.deskd.stop();
  const moved = await deskd('--migrate-database-to', where);
  assert.equal(moved.code, 0, moved.stderr);
  assert.match(moved.stdout, /users +\d+ rows, the same/);
  yd.configure({ ...yd.groups, deskd: { ...yd.groups.deskd, database: where } });
  await yd.startAll();
}

test('a person has a desktop on SQLite, and the whole store moves to MariaDB under it', { timeout: 300000 }, async () => {
  wire = await open(alice);
  const busy = await deskd('--migrate-database-to', db.url());
  assert.notEqual(busy.code, 0, 'not while deskd runs');
  const strange = await deskd('--migrate-database-to', 'mariadb://yundesk@db.example/yundesk');
  assert.match(strange.stderr, /ssl-ca/);
  await moveTo(db.url());
  assert.equal(await db.sql("SELECT username FROM yundesk.users WHERE username = 'alice'"), 'alice');
  assert.equal((await yd.api('GET', '/me', { token: alice.token })).username, 'alice', 'her log-in came along');
  assert.ok(await echo(wire), 'her session went on');
  const full = await deskd('--check');
  assert.equal(full.code, 0, full.stderr);
});

test('a certificate of another CA is refused, and a second move into what is not empty', { timeout: 60000 }, async () => {
  const text = fs.readFileSync(yd.config, 'utf8');
  const wrong = path.join(yd.home, 'wrong.conf');
  fs.writeFileSync(wrong, text.replace(/^database=.*$/m, `database=${db.url({ ca: 'other' })}`).replace(/^run=.*$/m, `run=${yd.home}/run2`));
  const refused = await run(program('deskd'), ['--config', wrong, '--check']);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /certificate|SSL|TLS/i);
  const old = path.join(yd.home, 'old.conf');
  fs.writeFileSync(old, text.replace(/^database=.*$/m, '').replace(/^run=.*$/m, `run=${yd.home}/run2`));
  const twice = await run(program('deskd'), ['--config', old, '--migrate-database-to', db.url()]);
  assert.notEqual(twice.code, 0);
  assert.match(twice.stderr, /not empty/);
});

test('on MariaDB a new person logs in and gets a new desktop', { timeout: 300000 }, async () => {
  const bob = await yd.person('bob', { department: office.department.id });
  const his = await open(bob);
  his.close();
  assert.match(await yd.done('user', 'list', '--search', 'BOB'), /bob/);
  assert.ok(await echo(wire));
});

test('the server of the database dies and comes back: a clear answer meanwhile, then all goes on', { timeout: 120000 }, async () => {
  await db.kill();
  const answer = await yd.request('GET', '/api/v1/users', { token: yd.admin.token });
  assert.equal(answer.status, 503, answer.text);
  assert.ok(await echo(wire), 'sessions do not need the database');
  await db.up();
  await yd.wait('deskd works again', async () => (await yd.request('GET', '/api/v1/users', { token: yd.admin.token })).status === 200, 60);
  assert.equal((await yd.api('GET', '/users?search=bob')).items.length, 1);
  assert.ok(await echo(wire));
  await yd.person('carol', { department: office.department.id });
});

test('and back to a file of SQLite', { timeout: 120000 }, async () => {
  const file = path.join(yd.state, 'back.db');
  await moveTo(file);
  assert.equal(await ok('sqlite3', [file, "SELECT COUNT(*) FROM users WHERE username IN ('alice', 'bob', 'carol')"]).then((it) => it.trim()), '3');
  assert.equal((await yd.api('GET', '/me', { token: alice.token })).username, 'alice');
  assert.ok(await echo(wire), 'her session saw all of it');
});
