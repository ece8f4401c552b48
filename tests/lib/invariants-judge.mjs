// SPDX-License-Identifier: Apache-2.0
// What must hold on the hosts of a cluster, judged from what invariants.mjs collected. Pure: nothing is read here, and nothing waits.
//
// `seen` is one look at everything:
//   hosts      [{ name, state, record }]  state: "on", "cut" (it lives on, its link does not), "mute" (its libvirtd is dead),
//                                         "off"; record: the state that the product gives it, undefined: it does not know it
//   processes  [{ pid, host, machine, disks: [{ file, path, lease }] }]  QEMU's processes, on hosts that are cut too; machine: its
//                                         name, host: undefined when it is none of ours; disks: what it has open for
//                                         writing, file: device and inode; lease: that virtlockd must hold for it
//   leases     [{ host, lease }]          that are held there, undefined where there are none
//   machines   [{ host, name, nics: [{ network, mac, ip }] }]     what libvirt says that runs, on hosts that are "on"
//   desktops   [{ id, name, state, host_name, network_id, ip, mac, image, file }]  records; file: whether its overlay is there
//   jobs       [{ kind, object_id, object_name }]                 that were live before or after the look
//   changed    Set of the desktops' ids whose record changed meanwhile
// A complaint is { text, final }: one that is final must not be, however short; nobody was about to change it. (It counts
// when it is seen in two looks: a QEMU that is refused a disk has it open for a moment before it ends.)

const IDLE = ['off', 'saved', 'new']; // no machine
const RUNS = ['ready', 'paused'];
const BETWEEN = ['deriving', 'starting', 'preparing', 'stopping', 'rebuilding', 'deleting']; // only a job may be there

const idOf = (machine) => machine.replace(/^yd-/, '');
const and = (words) => [...new Set(words)].join(' and ');

// What belongs together: a Map of lists, by key. Those without a key are left out.
function grouped(list, key) {
  const groups = new Map();
  for (const one of list) {
    const name = key(one);
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return groups;
}

const stateOf = (seen, name) => seen.hosts.find((host) => host.name === name)?.state;
// The product can't know what is on a host that is cut, and there is nothing on one that is off.
const isReached = (seen, name) => ['on', 'mute'].includes(stateOf(seen, name));
const desktopOf = (seen, machine) => seen.desktops.find((one) => one.id === idOf(machine));
// Nobody works on it, and nobody changed it while we looked.
const isStill = (seen, id) => !seen.changed.has(id) && !seen.jobs.some((job) => job.object_id === id);

// Every machine that runs on hosts that the product reaches, once for each host: by its process, or by libvirt's word.
function running(seen) {
  const all = [...seen.processes.filter((one) => one.machine).map(({ host, machine }) => ({ host, name: machine })), ...seen.machines];
  const once = new Map(all.map(({ host, name }) => [`${name} ${host}`, { host, name }]));
  return [...once.values()].filter((one) => one.host === undefined || isReached(seen, one.host));
}

// No disk is open for writing twice. Only a move has two processes for one, and those are of the same machine.
export function doubledDisks(seen) {
  const open = seen.processes.flatMap((process) => process.disks.map((disk) => ({ ...disk, process })));
  return [...grouped(open, (one) => one.file).values()].flatMap((writers) => {
    const processes = [...new Set(writers.map((one) => one.process))];
    if (processes.length < 2) return [];
    const machines = [...new Set(processes.map((one) => one.machine))];
    const id = machines.length === 1 && machines[0] ? idOf(machines[0]) : undefined;
    const moves = id && (seen.changed.has(id) || seen.jobs.some((job) => job.object_id === id && job.kind === 'desktop-migrate'));
    const who = processes.map((one) => `${one.machine ?? 'a QEMU'} on ${one.host ?? 'no host of ours'} (process ${one.pid})`);
    return [{ text: `the disk ${writers[0].path} is open for writing by ${processes.length} processes: ${and(who)}`, final: !moves }];
  });
}

// Each disk that a machine writes has its lease on the machine's own host, also one that is cut: it keeps others off.
export function missingLeases(seen) {
  if (!seen.leases) return [];
  const isHeld = (host, lease) => seen.leases.some((one) => one.host === host && one.lease === lease);
  return seen.processes.filter((one) => one.machine && desktopOf(seen, one.machine)?.state !== 'paused') // libvirt takes leases when it resumes
    .flatMap(({ machine, host, disks }) => disks.filter((disk) => disk.lease && !isHeld(host, disk.lease))
      .map((disk) => ({ text: `${machine} on ${host} writes the disk ${disk.path} without a lease`, final: false })));
}

// No address twice among machines that run in a network, and none that is not the one of the record.
export function doubledAddresses(seen) {
  const wrong = [];
  const nics = seen.machines.filter((one) => isReached(seen, one.host)).flatMap((one) => one.nics.map((nic) => ({ ...nic, ...one })));
  for (const kind of ['mac', 'ip']) {
    for (const [key, holders] of grouped(nics, (nic) => (nic[kind] ? `${nic[kind]} in network ${nic.network}` : undefined))) {
      const names = [...new Set(holders.map((one) => one.name))];
      if (names.length < 2) continue; // the same on two hosts is no matter of addresses
      wrong.push({ text: `the address ${key} is that of ${and(names)}`, final: names.every((name) => isStill(seen, idOf(name))) });
    }
    for (const [key, holders] of grouped(seen.desktops, (one) => (one[kind] ? `${one[kind]} in network ${one.network_id}` : undefined))) {
      if (holders.length > 1) wrong.push({ text: `the records of ${and(holders.map((one) => one.name))} have the same address ${key}`, final: true });
    }
    for (const nic of nics) {
      const record = desktopOf(seen, nic.name);
      if (record?.[kind] && nic[kind] !== record[kind]) {
        wrong.push({ text: `${nic.name} runs on ${nic.host} with the ${kind} ${nic[kind]}, its record says ${record[kind]}`, final: false });
      }
    }
  }
  return wrong;
}

// No desktop of `known` ([{ id, name }], those of the former look that no test deleted) is lost, and none is without its overlay.
export function lostDesktops(seen, known) {
  const gone = known.filter((one) => !seen.desktops.some((desktop) => desktop.id === one.id))
    .map((one) => ({ text: `the record of ${one.name} (${one.id}) is gone, and no test deleted it`, final: true }));
  const bare = seen.desktops.filter((one) => !one.file && !['new', 'deriving', 'rebuilding', 'deleting'].includes(one.state))
    .map((one) => ({ text: `the overlay ${one.image} of ${one.name} is gone`, final: isStill(seen, one.id) }));
  return [...gone, ...bare];
}

// Each machine that runs is a desktop's, on the host of its record and nowhere else; libvirt and the processes say the same.
export function strayMachines(seen) {
  const wrong = [];
  const all = running(seen);
  for (const { host, name } of all) {
    const desktop = desktopOf(seen, name);
    if (host === undefined) wrong.push(`${name} runs, and on no host of ours`);
    else if (!desktop) wrong.push(`${name} runs on ${host} and is no desktop's`);
    else if (desktop.host_name !== host) {
      wrong.push(`${name} runs on ${host}, but the record of ${desktop.name} names ${desktop.host_name ?? 'no host'}`);
    }
    if (stateOf(seen, host) !== 'on') continue;
    const isHere = (one) => one.host === host && (one.name ?? one.machine) === name;
    if (!seen.machines.some(isHere)) wrong.push(`${name} runs on ${host}, but libvirt there does not say so`);
    if (!seen.processes.some(isHere)) wrong.push(`libvirt on ${host} says that ${name} runs, but there is no process`);
  }
  for (const { machine, host, disks } of seen.processes.filter((one) => one.machine && isReached(seen, one.host))) {
    const image = desktopOf(seen, machine)?.image; // also shows that disks are seen at all
    const isOpen = disks.some((disk) => disk.path.endsWith(`/${image}`));
    if (image && !isOpen) wrong.push(`${machine} runs on ${host} and does not have its overlay ${image} open`);
  }
  for (const [name, places] of grouped(all, (one) => one.name)) {
    if (places.length > 1) wrong.push(`${name} runs ${places.length} times: on ${and(places.map((one) => one.host))}`);
  }
  return wrong.map((text) => ({ text, final: false }));
}

// A desktop that is ready runs, one that is off does not, and none stays on its way; what a host is follows what the test did to it.
export function disagreements(seen) {
  const wrong = [];
  const machines = running(seen);
  const isHidden = (desktop) => desktop.host_name && !isReached(seen, desktop.host_name);
  for (const desktop of seen.desktops) {
    const places = machines.filter((one) => idOf(one.name) === desktop.id).map((one) => one.host);
    if (isHidden(desktop)) continue;
    if (RUNS.includes(desktop.state) && !places.includes(desktop.host_name)) {
      wrong.push(`${desktop.name} is ${desktop.state}, but does not run on ${desktop.host_name}`);
    }
    if (IDLE.includes(desktop.state) && places.length) wrong.push(`${desktop.name} is ${desktop.state}, but runs on ${and(places)}`);
    if (BETWEEN.includes(desktop.state)) wrong.push(`${desktop.name} is still ${desktop.state}`);
  }
  for (const job of seen.jobs) {
    const desktop = seen.desktops.find((one) => one.id === job.object_id);
    if (!desktop || !isHidden(desktop)) wrong.push(`the job ${job.kind} of ${job.object_name} is still under way`);
  }
  for (const host of seen.hosts) {
    const isRight = !host.record || ['up', 'maintenance'].includes(host.record);
    if (host.state === 'on' && !isRight) wrong.push(`${host.name} is on and has its link, but its record says ${host.record}`);
  }
  return wrong.map((text) => ({ text, final: false }));
}

// Those complaints that are final, and were there in the look before, too.
export const lasting = (wrong, before) => wrong.filter((one) => one.final && before.some((former) => former.text === one.text));

// All complaints, each once.
export function judge(seen, known) {
  const all = [doubledDisks, missingLeases, doubledAddresses, lostDesktops, strayMachines, disagreements].flatMap((rule) => rule(seen, known));
  return [...new Map(all.map((one) => [one.text, one])).values()];
}
