import { describe, expect, it, vi } from 'vitest';
import { fill } from '../i18n';
import { en } from '../i18n/en';
import { zhCN } from '../i18n/zh-CN';
import { missing } from '../pages/dashboard';
import { waysOf } from '../data/connect';
import { backoff, COMBINATIONS, press, socketUrl } from '../viewer/keys';
import { toSend, type Field } from './form-dialog';

const FIELDS: Field[] = [
  { name: 'name', label: 'Name' },
  { name: 'vcpus', label: 'CPUs', kind: 'number' },
  { name: 'enabled', label: 'On', kind: 'switch' },
];

describe('forms', () => {
  it('send numbers as numbers and leave empty values out', () => {
    expect(toSend(FIELDS, { name: 'a', vcpus: '4', enabled: true }, {}, false)).toEqual({ name: 'a', vcpus: 4, enabled: true });
    expect(toSend(FIELDS, { name: '', vcpus: '', enabled: false }, {}, false)).toEqual({ enabled: false });
  });

  it('send only what was changed, and null for what was emptied', () => {
    const start = { name: 'a', vcpus: 2, enabled: true };
    expect(toSend(FIELDS, { name: 'a', vcpus: '2', enabled: true }, start, true)).toEqual({});
    expect(toSend(FIELDS, { name: '', vcpus: '3', enabled: true }, start, true)).toEqual({ name: null, vcpus: 3 });
  });
});

describe('words', () => {
  it('fill in parameters and leave unknown ones', () => {
    expect(fill('{count} of {all}', { count: 3 })).toBe('3 of {all}');
  });

  it('have the same parameters in both languages', () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect(names(zhCN[key]), key).toEqual(names(en[key]));
  });

  it('are translated', () => {
    const same = (Object.keys(en) as (keyof typeof en)[]).filter((key) => en[key] === zhCN[key]);
    // Languages are named in themselves.
    expect(same).toEqual(['language.en', 'language.zh-CN', 'field.cpu', 'media.checksum', 'accel.kvm']);
  });
});

describe('first steps', () => {
  it('name what is missing in the order of doing', () => {
    expect(missing({})).toEqual(['network', 'template', 'pool', 'department', 'grant']);
    expect(missing({ networks: { all: 1 }, templates: { all: 1 }, pools: { all: 1 }, departments: { all: 1 }, entitlements: { all: 1 } })).toEqual([]);
  });
});

describe('ways', () => {
  it('offer RDP only where the guest has it', () => {
    expect(waysOf('rdp')).toEqual(['rdp-web', 'rdp']);
    expect(waysOf('spice')).toEqual(['spice']);
  });
});

describe('keys', () => {
  it('go down in order and up backwards', () => {
    const sink = { sendKey: vi.fn() };
    press(sink, 'Ctrl+Alt+Del');
    const calls = sink.sendKey.mock.calls.map(([, code, down]) => `${String(code)}${down ? '+' : '-'}`);
    expect(calls).toEqual(['ControlLeft+', 'AltLeft+', 'Delete+', 'Delete-', 'AltLeft-', 'ControlLeft-']);
  });

  it('are known for every combination that is offered', () => {
    for (const combination of COMBINATIONS) {
      const sink = { sendKey: vi.fn() };
      press(sink, combination);
      expect(sink.sendKey, combination).toHaveBeenCalledTimes(2 * combination.split('+').length);
    }
  });

  it('of an unknown name press nothing', () => {
    const sink = { sendKey: vi.fn() };
    press(sink, 'Ctrl+Nonsense');
    expect(sink.sendKey).not.toHaveBeenCalled();
  });

  it('wait longer after each failure, within a bound', () => {
    expect([1, 2, 3, 9].map(backoff)).toEqual([500, 1000, 2000, 8000]);
  });

  it('lead to the gate of this page', () => {
    expect(socketUrl({ protocol: 'https:', host: 'desk.example:8443' }, 'a+b')).toBe('wss://desk.example:8443/connect/console?ticket=a%2Bb');
  });
});
