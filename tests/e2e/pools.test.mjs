// SPDX-License-Identifier: Apache-2.0
// A floating pool with a real machine: its spare starts, is prepared for nobody and paused; who connects gets it at once,
// with an account of their own; who comes next finds nothing of theirs. A desktop goes down the ladder of its pool's power policy and comes
// back from each rung.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { connect as tcp } from 'node:net';
import { inGuest as exec } from '../lib/guest.mjs';
import { virsh } from '../lib/process.mjs';
import { Product } from '../lib/product.mjs';

let yd;
let office;
let people;

before(async () => {
  yd = await Product.start({ config: { deskd: { cheap_passwords: 'yes', first_use: '60s' } } });
  office = await yd.office({ kind: 'floating', max_desktops: 1, min_ready: 1, warm: 1, power: { save_seconds: 86400 } });
  people = [];
  for (const name of ['anna', 'berta']) people.push(await yd.person(name, { department: office.department.id }));
});
after(() => yd?.stop());

const desktops = async () => (await yd.api('GET', '/desktops')).items;
const ask = (person, where = `/pools/${office.pool.id}/connections`) =>
  yd.request('POST', `/api/v1${where}`, { token: person.token, body: { protocol: 'rdp' } });

// In the guest of that desktop; what it printed.
const inGuest = async (desktop, script) => (await exec(desktop, script)).trim();

const answers = (ip) =>
  new Promise((done, fail) => {
    const socket = tcp(3389, ip, () => socket.write(Buffer.from('030000130ee000000000000100080003000000', 'hex')));
    socket.once('data', (data) => (socket.destroy(), done(data[5] === 0xd0)));
    socket.once('error', fail);
    socket.setTimeout(5000, () => (socket.destroy(), fail(new Error('silent'))));
  });

const warm = () => yd.wait('a warm spare', async () => (await desktops()).some((d) => d.state === 'paused' && !d.user_id), 120);

test('a warm spare is given out at once', async (t) => {
  await warm();
  const [spare] = (await desktops()).filter((d) => d.state === 'paused');
  const began = performance.now();
  const { status, body } = await ask(people[0]);
  assert.equal(status, 201, JSON.stringify(body));
  const given = performance.now() - began;
  assert.ok(await answers(spare.ip));
  t.diagnostic(`asked to ticket ${given.toFixed(0)} ms, to RDP ${(performance.now() - began).toFixed(0)} ms`);
  assert.equal(body.desktop_id, spare.id);
  assert.equal(await inGuest(spare.id, "awk -F: '$1==\"anna\"{print $1}' /etc/passwd"), 'anna');
});

// The ticket, after the jobs that come before it.
const getIn = (person, where) =>
  yd.wait('a ticket', async () => {
    const { status, body } = await ask(person, where);
    if (status === 202) await yd.job(body.job ?? body);
    else assert.equal(status, 201, JSON.stringify(body));
    return status === 201 && body;
  }, 120);

test('what a person wrote is gone when the desktop is given back', async () => {
  const [mine] = await desktops();
  await inGuest(mine.id, 'echo private >/root/note && sync');
  assert.equal(await inGuest(mine.id, 'cat /root/note'), 'private');
  await yd.job(await yd.api('POST', `/desktops/${mine.id}/shutdown`, { token: people[0].token }));
  await yd.wait('it is nobody’s', async () => (await desktops()).every((d) => !d.user_id), 60);
  const { desktop_id: id } = await getIn(people[1]);
  assert.equal(await inGuest(id, 'ls /root/note 2>/dev/null; echo looked'), 'looked');
  assert.equal(await inGuest(id, "grep -cE '^(anna|berta):' /etc/passwd"), '1', 'only the present person has an account');
});

test('down the ladder, and back from paused and from saved', async () => {
  const [mine] = await desktops();
  const policy = (power) => yd.api('PATCH', `/pools/${office.pool.id}`, { body: { power } });
  const reaches = (state) => yd.wait(`it is ${state}`, async () => (await yd.api('GET', `/desktops/${mine.id}`)).state === state, 60);
  const leave = async () => {
    for (const ticket of (await yd.api('GET', '/connections?state=new')).items) await yd.api('DELETE', `/connections/${ticket.id}`);
  };
  const comesBack = async () => {
    await getIn(people[1], `/desktops/${mine.id}/connections`);
    assert.ok(await answers(mine.ip));
    assert.equal(await inGuest(mine.id, 'cat /tmp/open'), 'still open', 'its memory was kept');
  };
  await inGuest(mine.id, 'mount -t tmpfs none /tmp; echo still open >/tmp/open');
  await leave();
  await policy({ pause_seconds: 1, save_seconds: 86400 });
  await reaches('paused');
  assert.match(await virsh('domstate', `yd-${mine.id}`), /paused/);
  await comesBack();
  await leave();
  await policy({ pause_seconds: 1, save_seconds: 2 });
  await reaches('saved');
  assert.match(await virsh('domstate', `yd-${mine.id}`), /shut off/);
  await comesBack();
  await policy({});
});
