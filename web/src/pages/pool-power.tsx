// Of the pool's form and facts: its kind and spares, and its power policy (src/model/power-json.c).
import type { Pool } from '../data/types';
import type { I18n } from '../i18n';
import type { Fact } from '../ui/facts';
import type { Field, Value, Values } from '../ui/form-dialog';

const KINDS = ['dedicated', 'floating'];
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** Shown in minutes, kept in seconds; with what holds where nothing is set. */
const MINUTES = { pause_seconds: 0, save_seconds: 0, off_seconds: 0, keep_seconds: 1800, open_seconds: 900, close_seconds: 900 } as const;
const SWITCHES = { start_on_connect: true, hold: true, close: false } as const;
const NUMBERS = { hold_cpu_percent: 0, open_desktops: 0 } as const;

type Power = Record<string, unknown>;
type Minutes = keyof typeof MINUTES;
const minutes = (name: Minutes, value: unknown): number => Number(value ?? MINUTES[name]) / 60;
const field = (name: string): string => `power_${name}`;

export function kindFields({ t, word }: I18n, pool?: Pool): Field[] {
  const options = KINDS.map((value) => ({ value, label: word('pool-kind', value) }));
  const kind: Field[] = pool ? [] : [{ name: 'kind', label: t('pools.kind'), kind: 'choice', options, help: t('pools.kind-text') }];
  if (pool && pool.kind !== 'floating') return kind;
  return [
    ...kind,
    { name: 'min_ready', label: t('pools.min-ready'), kind: 'number', help: t('pools.min-ready-text') },
    { name: 'warm', label: t('pools.warm'), kind: 'number', help: t('pools.warm-text') },
  ];
}

export function powerFields({ t, word }: I18n): Field[] {
  const part = t('power.title');
  const minute = (name: Minutes, help?: string): Field => ({
    name: field(name),
    label: t(`power.${name}`),
    part,
    kind: 'number',
    step: 'any',
    ...(help ? { help } : {}),
  });
  return [
    { name: field('start_on_connect'), label: t('power.start_on_connect'), part, kind: 'switch' },
    minute('pause_seconds', t('power.ladder-text')),
    minute('save_seconds'),
    minute('off_seconds'),
    { name: field('hold'), label: t('power.hold'), part, kind: 'switch', help: t('power.hold-text') },
    { name: field('hold_cpu_percent'), label: t('power.hold_cpu_percent'), part, kind: 'number', help: t('power.hold-cpu-text') },
    minute('keep_seconds', t('power.keep-text')),
    ...DAYS.map((day): Field => ({ name: field(day), label: t('power.hours', { day: word('day', day) }), part, help: t('power.hours-text') })),
    { name: field('holidays'), label: t('power.holidays'), part, kind: 'area', help: t('power.holidays-text') },
    { name: field('time_zone'), label: t('power.time_zone'), part, help: t('power.zone-text') },
    { name: field('open_desktops'), label: t('power.open_desktops'), part, kind: 'number', help: t('power.open-text') },
    minute('open_seconds'),
    { name: field('close'), label: t('power.close'), part, kind: 'switch' },
    minute('close_seconds'),
  ];
}

/** The values of those fields in a pool. */
export function flatPower(pool: Values): Values {
  const power = (pool['power'] ?? {}) as unknown as Power;
  const hours = (power['hours'] ?? {}) as Power;
  const pairs: [string, Value][] = [
    ...Object.entries({ ...SWITCHES, ...NUMBERS }).map(([name, start]): [string, Value] => [name, (power[name] ?? start) as Value]),
    ...(Object.keys(MINUTES) as Minutes[]).map((name): [string, Value] => [name, minutes(name, power[name])]),
    ...DAYS.map((day): [string, Value] => [day, (hours[day] ?? '') as Value]),
    ['holidays', ((power['holidays'] ?? []) as string[]).join('\n')],
    ['time_zone', (power['time_zone'] ?? '') as Value],
  ];
  return Object.fromEntries(pairs.map(([name, value]) => [field(name), value]));
}

function memberOf(name: string, value: Value): [string, unknown] {
  if (name in MINUTES) return [name, Math.round((value === null ? minutes(name as Minutes, undefined) : Number(value)) * 60)];
  if (name in NUMBERS) return [name, value ?? 0];
  if (name === 'holidays') return [name, String(value ?? '').split(/[\s,，、;；]+/).filter(Boolean)];
  return [name, value ?? null];
}

/** What is sent: the server takes the policy as a whole. */
export function withPower(changed: Record<string, unknown>, present: unknown): Record<string, unknown> {
  const mine = Object.entries(changed).filter(([name]) => name.startsWith('power_'));
  const rest = Object.fromEntries(Object.entries(changed).filter(([name]) => !name.startsWith('power_')));
  if (rest['kind'] === 'dedicated') {
    delete rest['min_ready'];
    delete rest['warm'];
  }
  if (mine.length === 0) return rest;
  const power: Power = { ...((present ?? {}) as Power) };
  const hours: Power = { ...((power['hours'] ?? {}) as Power) };
  for (const [name, value] of mine) {
    const short = name.slice('power_'.length);
    if ((DAYS as readonly string[]).includes(short)) hours[short] = String(value ?? '').trim() || null;
    else Object.assign(power, Object.fromEntries([memberOf(short, value as Value)]));
  }
  return { ...rest, power: { ...power, hours } };
}

export function powerFacts({ t, word, number }: I18n, pool: Pool): Fact[] {
  const power = (pool.power ?? {}) as Power;
  const hours = (power['hours'] ?? {}) as Record<string, string>;
  const after = (name: Minutes) => {
    const value = minutes(name, power[name]);
    return value > 0 ? t('power.minutes', { n: number(value) }) : t('power.never');
  };
  const spares: Fact[] =
    pool.kind === 'floating'
      ? [
          [t('pools.min-ready'), number(pool.min_ready ?? 0)],
          [t('pools.warm'), `${number(pool.desktops_warm ?? 0)} / ${number(pool.warm ?? 0)}`],
          [t('pools.used'), number(pool.desktops_used ?? 0)],
          [t('power.keep_seconds'), after('keep_seconds')],
        ]
      : [];
  return [
    [t('pools.kind'), word('pool-kind', pool.kind ?? 'dedicated')],
    ...spares,
    [t('power.start_on_connect'), t((power['start_on_connect'] ?? true) ? 'field.yes' : 'field.no')],
    [t('power.pause_seconds'), after('pause_seconds')],
    [t('power.save_seconds'), after('save_seconds')],
    [t('power.off_seconds'), after('off_seconds')],
    ...DAYS.filter((day) => hours[day]).map((day): Fact => [t('power.hours', { day: word('day', day) }), hours[day] ?? '']),
  ];
}
