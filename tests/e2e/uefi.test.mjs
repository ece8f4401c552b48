// SPDX-License-Identifier: Apache-2.0
// What Windows 11 asks for: UEFI, Secure Boot with the usual keys, and a TPM of its own. A signed Linux stands in for it
// and says what it finds; its screen opens by itself in remote-viewer, as whoever installs a system wants it.
// needs: secure medium
// seconds: 600

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inGuest } from '../lib/guest.mjs';
import { Program, poll, virsh } from '../lib/process.mjs';
import { Product, guestImage, program } from '../lib/product.mjs';
import { startScreen } from '../lib/screen.mjs';

let yd;
let office;
let screen;
let client;

before(async () => {
  yd = await Product.start();
  office = await yd.office();
  screen = await startScreen({ width: 1024, height: 768 });
});
after(async () => {
  await client?.stop();
  await screen?.stop();
  await yd?.stop();
});

test('a workbench for Windows 11 boots a signed system with Secure Boot, has a TPM, and shows its screen', { timeout: 500000 }, async () => {
  await yd.done('media', 'upload', await guestImage('secure'), '--name', 'secure.iso');
  const create = ['template', 'create', 'eleven', '--iso', 'secure.iso', '--os', 'windows-11', '--disk', '1G', '--memory', '512M', '--cpus', '1', '--network', office.network.name, '--open'];
  await yd.refused(/--open and --no-wait/, ...create, '--no-wait');
  assert.equal((await yd.api('GET', '/templates?name=eleven')).items.length, 0, 'nothing was begun');
  client = new Program('deskctl', program('deskctl'), create, { env: { ...screen.env, XDG_CONFIG_HOME: path.join(yd.home, 'ctl', 'admin') } });
  const id = await poll('the workbench is there', async () => (await yd.api('GET', '/templates?name=eleven')).items[0]?.workbench_id, { seconds: 60 });
  await poll('remote-viewer shows its screen', async () => {
    const [row] = (await yd.api('GET', `/connections?desktop_id=${id}&sort=-created`)).items;
    return row?.protocol === 'spice' && row.state === 'open';
  }, { seconds: 120 });
  await client.stop();

  const { uuid } = await yd.api('GET', `/desktops/${id}`);
  const xml = await virsh('dumpxml', `yd-${id}`);
  assert.match(xml, /<loader readonly='yes' secure='yes'/);
  assert.match(xml, /<tpm model='tpm-crb'>/);
  await poll('the signed system runs: its agent answers', async () => (await yd.api('GET', `/desktops/${id}`)).agent_seen, { seconds: 240 });
  assert.match(await inGuest(id, 'ls /sys/firmware/efi'), /runtime|systab|vars/);
  assert.match(await inGuest(id, 'dmesg | grep -i "secure"'), /Secure boot enabled/i);
  assert.match(await inGuest(id, 'dmesg | grep -i "TPM2"'), /TPM2/);
  const tpm = `/var/lib/libvirt/swtpm/${uuid}`;
  assert.ok(fs.existsSync(tpm), 'the TPM has a state of its own');
  await yd.done('template', 'discard', 'eleven', '--yes');
  assert.ok(!fs.existsSync(tpm), 'and it goes with the machine');
});
