// SPDX-License-Identifier: Apache-2.0
// needs: release build, web console
// The gateway's operation with a real manager and a real desktop: it is replaced while bytes flow and while an
// administrator looks on, drains, loses its manager and finds it again; behind its filter of system calls.

import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Product, program } from '../lib/product.mjs';
import { Program, poll, run } from '../lib/process.mjs';
import { echo, rdpOpen } from '../lib/wire.mjs';
import { Browser, axe, picture } from '../lib/browser.mjs';

// Echoes until it is told to stop; throws when a byte is lost.
function flow(wire) {
  let stop = false;
  let rounds = 0;
  const done = (async () => {
    while (!stop) {
      assert.ok(await echo(wire, 4096), 'bytes came back changed');
      rounds++;
    }
  })();
  done.catch(() => {}); // seen by whoever awaits it
  return {
    async goesOn() {
      const before = rounds;
      await Promise.race([done, poll('the stream goes on', () => rounds > before + 2)]);
    },
    async end() { stop = true; await done; wire.close(); },
  };
}

test('the gateway is operated without cutting a session', async (t) => {
  const yd = await Product.start();
  t.after(() => yd.stop());
  const office = await yd.office();
  const alice = await yd.person('alice', { department: office.department.id });
  const ask = () => yd.connect(alice, { pool: office.pool.id, protocol: 'rdp' });
  const gate = (...words) => run(program('deskgate'), ['--config', yd.config, ...words]);
  const first = await ask();
  const one = await rdpOpen(yd.port, first.ticket);
  assert.ok(one.granted);
  const stream = flow(one.wire);
  const old = yd.programs.deskgate;

  await t.test('system calls are filtered and nothing can be got back', () => {
    const status = fs.readFileSync(`/proc/${old.pid}/status`, 'utf8');
    assert.match(status, /^NoNewPrivs:\t1$/m);
    if (!/has a sanitizer/.test(old.tail(200))) assert.match(status, /^Seccomp:\t2$/m);
  });

  await t.test('a broken configuration costs nothing', async () => {
    const good = fs.readFileSync(yd.config, 'utf8');
    fs.writeFileSync(yd.config, good.replace('[deskgate]', '[deskgate]\nmax_sockets=none'));
    const failed = await gate('upgrade');
    fs.writeFileSync(yd.config, good);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /the former one goes on/);
    await stream.goesOn();
  });

  await t.test('an upgrade loses no byte and refuses nobody', async () => {
    const knocks = [];
    let stop = false;
    const knocking = (async () => {
      while (!stop) knocks.push((await yd.request('GET', '/healthz')).status);
    })();
    yd.programs['deskgate-2'] = new Program('deskgate-2', program('deskgate'), ['--config', yd.config, 'takeover']);
    await poll('the new gate serves', async () => (await gate('status')).stdout.includes(`pid: ${yd.programs['deskgate-2'].pid}\n`));
    const came = knocks.length;
    await poll('requests go on', () => knocks.length > came + 3);
    stop = true;
    await knocking;
    assert.deepEqual([...new Set(knocks)], [200]);
    await stream.goesOn();
    assert.ok(old.alive);
  });

  await t.test('the manager away: sessions go on, new ones are refused, and it comes back by itself', async () => {
    const second = await ask();
    await yd.kill('deskd');
    delete yd.programs.deskd;
    assert.equal((await rdpOpen(yd.port, second.ticket)).granted, false);
    assert.equal((await yd.request('GET', '/readyz')).status, 503);
    await stream.goesOn();
    yd.startProgram('deskd');
    await yd.ready();
    const { wire, granted } = await rdpOpen(yd.port, second.ticket);
    assert.ok(granted && await echo(wire));
    wire.close();
  });

  await t.test('an administrator cuts a session of the former process at once, which then leaves', async () => {
    const open = await poll('the session is open', async () => (await yd.api('GET', '/connections?state=open')).items[0]);
    await stream.goesOn();
    await yd.api('DELETE', `/connections/${open.id}`);
    assert.ok(await one.wire.end(10) < 3000);
    await assert.rejects(stream.end());
    assert.deepEqual(await old.ended, { code: 0, signal: null });
    yd.programs.deskgate = yd.programs['deskgate-2'];
    delete yd.programs['deskgate-2'];
    assert.match(old.tail(60), /session ends .*reason=disconnected by an administrator/);
  });

  await t.test('an administrator drains it from afar, and takes that back', async () => {
    const [{ name }] = (await yd.api('GET', '/gates')).items;
    const state = async () => (await yd.ctlJson(['gate', 'list'])).find((it) => it.name === name)?.state;
    const held = await rdpOpen(yd.port, (await ask()).ticket);
    assert.ok(held.granted);
    const careless = await yd.ctl(['gate', 'drain', name]);
    assert.match(careless.stderr, /--yes/);
    const drained = await yd.ctl(['gate', 'drain', name, '--seconds', '600', '--yes']);
    assert.equal(drained.code, 0, drained.stderr);
    assert.equal(await state(), 'draining');
    assert.match((await gate('status')).stdout, /state: draining[^]*seconds_left: 5\d\d/);
    assert.equal((await rdpOpen(yd.port, (await ask()).ticket)).granted, false);
    assert.ok(await echo(held.wire), 'what runs goes on');
    const undone = await yd.ctl(['gate', 'drain', name, '--undo']);
    assert.equal(undone.code, 0, undone.stderr);
    assert.equal(await state(), 'serving');
    const again = await rdpOpen(yd.port, (await ask()).ticket);
    assert.ok(again.granted);
    again.wire.close();
    held.wire.close();
    const acts = (await yd.api('GET', '/audit?object_kind=gate')).items.filter((it) => it.act.startsWith('gate.'));
    assert.deepEqual(acts.map((it) => [it.act, it.object_name, it.username]).sort(), [['gate.drain', name, 'admin'], ['gate.resume', name, 'admin']]);
    await assert.rejects(yd.api('POST', `/gates/${name}/drain`, { token: alice.token }), { status: 403 });
    await assert.rejects(yd.api('POST', '/gates/nobody/drain'), { status: 404 });
    await assert.rejects(yd.api('POST', `/gates/${name}/drain`, { body: { seconds: -1 } }), { status: 400 });
  });

  await t.test('the same in the console, which says what will happen', async () => {
    const [{ name }] = (await yd.api('GET', '/gates')).items;
    const held = await rdpOpen(yd.port, (await ask()).ticket);
    assert.ok(held.granted);
    const browser = await Browser.start(yd);
    try {
      const page = await browser.as(yd.admin, { where: '/gates' });
      const line = page.locator(`[data-gate="${name}"]`);
      const dialog = page.getByRole('dialog');
      await line.getByText('serving').waitFor();
      await axe(page, 'the page of the gates');
      await line.getByRole('button', { name: `Drain ${name}` }).click();
      await dialog.getByText(/takes no new session.*It is the only gate that serves/).waitFor();
      await axe(page, 'the question before a gate drains');
      await picture(page, 'gates-drain');
      await dialog.locator('#field-seconds').fill('-1');
      await dialog.getByRole('button', { name: 'Drain', exact: true }).click();
      await dialog.getByTestId('problem').waitFor();
      assert.equal((await yd.api('GET', '/gates')).items[0].state, 'serving');
      await dialog.locator('#field-seconds').fill('600');
      await dialog.getByRole('button', { name: 'Drain', exact: true }).click();
      await line.getByText('draining').waitFor();
      assert.match((await gate('status')).stdout, /state: draining[^]*seconds_left: 5\d\d/);
      assert.equal((await rdpOpen(yd.port, (await ask()).ticket)).granted, false);
      assert.ok(await echo(held.wire), 'what runs goes on');
      await picture(page, 'gates');
      await line.getByRole('button', { name: `Have ${name} serve again` }).click();
      await dialog.getByRole('button', { name: 'Serve again', exact: true }).click();
      await line.getByText('serving').waitFor();
      assert.equal((await gate('drain', '10min')).code, 0); // by somebody else: the page looks again
      await line.getByText('draining').waitFor();
      await yd.api('POST', `/gates/${name}/resume`);
      await line.getByText('serving').waitFor();
    } finally {
      await browser.stop();
    }
    held.wire.close();
  });

  await t.test('a drained gate takes no new session and says so', async () => {
    const third = await ask();
    const live = await rdpOpen(yd.port, third.ticket);
    assert.ok(live.granted);
    const fourth = await ask();
    assert.equal((await gate('drain', '10min')).code, 0);
    assert.equal((await rdpOpen(yd.port, fourth.ticket)).granted, false);
    yd.agent.destroy();
    const ready = await yd.request('GET', '/readyz');
    assert.deepEqual([ready.status, ready.body.code], [503, 'draining']);
    assert.ok(await echo(live.wire));
    live.wire.close();
    assert.deepEqual(await yd.programs.deskgate.ended, { code: 0, signal: null });
  });
});
