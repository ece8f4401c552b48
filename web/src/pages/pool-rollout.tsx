// How a pool follows its template: the part of the pool's form about it, and the form that starts a roll-out by hand.
import { Button } from '@patternfly/react-core';
import { useNavigate } from 'react-router-dom';
import { post } from '../api/client';
import type { Page, Pool, Rollout, TemplateVersion } from '../data/types';
import { useGet } from '../data/use-get';
import type { I18n } from '../i18n';
import { useI18n } from '../i18n';
import type { Fact } from '../ui/facts';
import { Dialog } from '../ui/dialog';
import { FormDialog, type Field, type Values } from '../ui/form-dialog';
import { useOptions } from '../ui/pick';

const FOLLOW = ['pinned', 'newest', 'staged'];

/** Of the form; in the pool they are members of its plan. */
const PLAN: Record<string, string> = { follow_share: 'share', follow_loss: 'replace_system_disks' };

export function followFields({ t, word }: I18n): Field[] {
  const part = t('rollouts.follow');
  return [
    { name: 'follow', label: t('rollouts.follow'), part, kind: 'choice', options: FOLLOW.map((value) => ({ value, label: word('follow', value) })), help: t('rollouts.follow-text') },
    { name: 'follow_share', label: t('rollouts.share'), part, kind: 'number', help: t('rollouts.share-text') },
    { name: 'follow_loss', label: t('rollouts.loss'), part, kind: 'switch', help: t('rollouts.loss-text') },
  ];
}

/** The values of those fields in a pool. */
export function flatFollow(pool: Values): Values {
  const plan = (pool['rollout'] ?? {}) as unknown as Values;
  return { follow: pool['follow'] ?? 'pinned', ...Object.fromEntries(Object.entries(PLAN).map(([field, name]) => [field, plan[name]])) };
}

/** What is sent: the server takes the plan as a whole. */
export function withFollow(changed: Record<string, unknown>, present: Values | undefined): Record<string, unknown> {
  const rest = Object.entries(changed).filter(([name]) => !(name in PLAN));
  const mine = Object.entries(PLAN).filter(([field]) => field in changed);
  if (mine.length === 0) return Object.fromEntries(rest);
  const plan = { ...(present ?? {}), ...Object.fromEntries(mine.map(([field, name]) => [name, changed[field] ?? (name === 'share' ? 0 : false)])) };
  // A share takes the place of whoever went first by name.
  const first = (plan as Values)['share'] ? { department_id: null, user_ids: null } : {};
  return { ...Object.fromEntries(rest), rollout: { ...plan, ...first } };
}

export function followFacts({ t, word }: I18n, pool: Pool): Fact[] {
  return [[t('rollouts.follow'), word('follow', pool.follow ?? 'pinned')]];
}

/** Starts one by hand. */
export function StartRollout({ pool, onClose }: { pool: Pool; onClose: () => void }) {
  const { t, word } = useI18n();
  const navigate = useNavigate();
  const departments = useOptions('/departments');
  const { data } = useGet<Page<TemplateVersion>>(`/templates/${pool.template_id}/versions?limit=1000&state=ready`);
  if (!data) return null;
  const versions = data.items
    .filter((row) => row.id !== pool.template_version_id)
    .map((row) => ({ value: row.id ?? '', label: `${pool.template_name ?? ''} – ${row.number}` }))
    .reverse();
  const title = `${t('rollouts.start')}: ${pool.name ?? ''}`;
  if (versions.length === 0)
    return (
      <Dialog title={title} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
        <p>{t('rollouts.no-version')}</p>
      </Dialog>
    );
  const nobody = { value: '', label: '–' };
  const fields: Field[] = [
    { name: 'version_id', label: t('field.template-version'), kind: 'choice', options: versions },
    { name: 'share', label: t('rollouts.share'), kind: 'number', help: t('rollouts.share-text') },
    { name: 'department_id', label: t('rollouts.department'), kind: 'choice', options: [nobody, ...departments], help: t('rollouts.department-text') },
    { name: 'session', label: t('rollouts.session'), kind: 'choice', options: ['auto', 'required', 'off'].map((value) => ({ value, label: word('rollouts.session', value) })) },
    { name: 'seconds', label: t('rollouts.seconds'), kind: 'number', help: t('rollouts.seconds-text') },
    { name: 'replace_system_disks', label: t('rollouts.loss'), kind: 'switch', help: t('rollouts.loss-text') },
  ];
  return (
    <FormDialog
      title={title}
      intro={t('rollouts.start-text')}
      fields={fields}
      start={{ seconds: 600 }}
      submit={t('rollouts.start')}
      onClose={onClose}
      onSubmit={async ({ version_id, ...plan }) => {
        await post<Rollout>(`/pools/${pool.id}/rollouts`, { version_id, plan });
        navigate('/rollouts');
      }}
    />
  );
}
