// SPDX-License-Identifier: Apache-2.0
// needs: desktop guest
// The gate of a roll-out with a real xrdp: the throw-away desktop of the new version has to show a session of an account of ours.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { poll } from '../lib/process.mjs';
import { Product, guestImage } from '../lib/product.mjs';

let yd;
let office;

before(async () => {
  yd = await Product.start();
  office = await yd.office({ memory: 1536, vcpus: 2, disk: 0 }); // version 1 is the small guest; nobody has a desktop
});
after(() => yd?.stop());

test('a session of a probe account is seen in the demo desktop', { timeout: 900000 }, async () => {
  const file = path.join(yd.uploads, 'desktop.qcow2');
  fs.copyFileSync(await guestImage('desktop'), file);
  await yd.job(await yd.api('POST', `/templates/${office.template.id}/versions`, { body: { path: file } }), { seconds: 300 });
  const version = (await yd.api('GET', `/templates/${office.template.id}/versions?sort=-number`)).items[0];
  const { id } = await yd.api('POST', `/pools/${office.pool.id}/rollouts`, { body: { version_id: version.id, plan: { session: 'required', seconds: 600 } } });
  const end = await poll('the roll-out is over', async () => {
    const now = await yd.api('GET', `/rollouts/${id}`);
    return ['done', 'rolled-back', 'failed'].includes(now.state) && now;
  }, { seconds: 800, every: 1000 });
  assert.equal(end.state, 'done', `${end.reason} ${JSON.stringify(end.gate)}`);
  const session = end.gate.checks.find((it) => it.check === 'session');
  assert.equal(session.ok, true, session.message);
  assert.match(session.message, /sees a session/);
});
