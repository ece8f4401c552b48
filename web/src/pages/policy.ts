// A pool's policy, as fields of its form and as facts: what its sessions may do.
import type { I18n, Key } from '../i18n';
import type { Fact } from '../ui/facts';
import type { Field, Values } from '../ui/form-dialog';

/** The members with their defaults, in the order of the form; as src/model/policy.c has them. */
export const POLICY = {
  clipboard: true,
  drives: true,
  printers: true,
  audio: true,
  usb: true,
  serial: true,
  smartcards: true,
  multimon: true,
  idle_seconds: 0,
  idle_notice_seconds: 60,
  source: 'exact',
  fixed_port: false,
  ready_seconds: 600,
  shutdown_seconds: 60,
  balloon_free_pages: false,
  restore_nightly: 0,
  restore_hour: 1,
  restore_by_person: false,
  backup_desktops: false,
  backup_personal: true,
} satisfies Values;

const NAMES = Object.keys(POLICY) as (keyof typeof POLICY)[];
const SOURCES = ['exact', 'net', 'none'];
const HELP: Partial<Record<keyof typeof POLICY, Key>> = {
  clipboard: 'policy-help.clipboard',
  idle_seconds: 'policy-help.idle_seconds',
  source: 'policy-help.source',
  fixed_port: 'policy-help.fixed_port',
  balloon_free_pages: 'policy-help.balloon_free_pages',
  restore_nightly: 'policy-help.restore_nightly',
  restore_hour: 'policy-help.restore_hour',
  restore_by_person: 'policy-help.restore_by_person',
  backup_desktops: 'policy-help.backup_desktops',
  backup_personal: 'policy-help.backup_personal',
};

export function policyFields({ t, word }: I18n): Field[] {
  return NAMES.map((name) => {
    const help = HELP[name];
    const kind = name === 'source' ? 'choice' : typeof POLICY[name] === 'boolean' ? 'switch' : 'number';
    return {
      name,
      kind,
      label: t(`policy.${name}`),
      part: t('pools.policy'),
      ...(help ? { help: t(help) } : {}),
      ...(name === 'source' ? { options: SOURCES.map((value) => ({ value, label: word('source', value) })) } : {}),
    };
  });
}

export function policyFacts({ t, word, number }: I18n, policy: Values | undefined): Fact[] {
  return NAMES.map((name) => {
    const value = policy?.[name] ?? POLICY[name];
    const text = typeof value === 'boolean' ? t(value ? 'field.yes' : 'field.no') : typeof value === 'number' ? number(value) : word('source', String(value));
    return [t(`policy.${name}`), text];
  });
}

/** What was changed, with the members of the policy in one object: the server takes it as a whole. */
export function withPolicy(changed: Values, present: Values | undefined): Record<string, unknown> {
  const isPolicy = ([name]: [string, unknown]) => name in POLICY;
  const rest = Object.entries(changed).filter((pair) => !isPolicy(pair));
  const mine = Object.entries(changed)
    .filter(isPolicy)
    .filter(([, value]) => value !== null); // left empty: as delivered
  const touched = Object.keys(changed).some((name) => name in POLICY);
  const left = Object.entries(present ?? {}).filter(([name]) => changed[name] !== null);
  return { ...Object.fromEntries(rest), ...(touched ? { policy: { ...Object.fromEntries(left), ...Object.fromEntries(mine) } } : {}) };
}
