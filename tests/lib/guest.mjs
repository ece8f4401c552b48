// SPDX-License-Identifier: Apache-2.0
// The inside of the one machine that runs, by its guest agent: as root, or as a person beside what they see.

import { poll, virsh } from './process.mjs';

export const machine = async () => (await virsh('list', '--name')).trim().split('\n').find((name) => name.startsWith('yd-'));

// A command of the agent's protocol to the machine of that name; its answer. `on` is another host (hosts.mjs).
export async function agentOf(name, command, on = { virsh }) {
  return JSON.parse(await on.virsh('qemu-agent-command', '--timeout', '20', name, JSON.stringify(command))).return;
}

export const agent = async (command) => agentOf(await machine(), command);

async function ended(name, script, on) {
  const { pid } = await agentOf(name, { execute: 'guest-exec', arguments: { path: '/bin/sh', arg: ['-c', script], 'capture-output': true } }, on);
  return poll(`"${script}" ends`, async () => {
    const it = await agentOf(name, { execute: 'guest-exec-status', arguments: { pid } }, on);
    return it.exited && it;
  }, { every: 100 });
}

const text = (encoded) => Buffer.from(encoded ?? '', 'base64').toString();

// What the script, run by root in the machine of that name, writes to its standard output.
export const shellOf = async (name, script, on) => text((await ended(name, script, on))['out-data']);

// Likewise, in the machine of the desktop with that id; throws when the script fails.
export async function inGuest(desktop, script, on) {
  const status = await ended(`yd-${desktop}`, script, on);
  if (status.exitcode !== 0) throw new Error(`"${script}" ended with ${status.exitcode}: ${text(status['err-data'])}`);
  return text(status['out-data']);
}

// Likewise, in the one that runs.
export const guestShell = async (script) => shellOf(await machine(), script);

// As guestShell, but run by that person, with their display. Not by su: a log-in would start services first, for seconds.
export function guestShellAs(user, script) {
  const quoted = script.replaceAll("'", "'\\''");
  return guestShell(`setpriv --reuid=${user} --regid=${user} --init-groups --reset-env env DISPLAY=:10 LANG=zh_CN.UTF-8 sh -c '${quoted}'`);
}

// Starts something in that person's session and leaves it there.
export const guestStart = (user, command) => guestShellAs(user, `setsid ${command} >/dev/null 2>&1 </dev/null &`);
