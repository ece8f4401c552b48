import { Button, List, ListItem, Progress } from '@patternfly/react-core';
import { Link } from 'react-router-dom';
import { post } from '../api/client';
import { useRole } from '../data/session';
import type { Page, Rollout, RolloutDesktop } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { ConfirmDialog, Dialog } from '../ui/dialog';
import { Facts, type Fact } from '../ui/facts';
import { PageFrame } from '../ui/page';
import { SmallLabel } from '../ui/small-label';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';

const MOVES = ['checking', 'staged', 'rolling'];
const ENDED = ['done', 'rolled-back', 'failed'];

interface Check {
  check?: string;
  ok?: boolean | null;
  message?: string;
}

function Gate({ checks }: { checks: Check[] }) {
  const { t, word, said } = useI18n();
  return (
    <List isPlain>
      {checks.map((row) => (
        <ListItem key={row.check}>
          <SmallLabel color={row.ok === true ? 'green' : row.ok === false ? 'red' : 'grey'}>
            {t(row.ok === true ? 'rollouts.good' : row.ok === false ? 'rollouts.bad' : 'rollouts.not-looked')}
          </SmallLabel>{' '}
          {word('rollouts.check', row.check)}
          {row.ok !== true && row.message ? `: ${said(row.message)}` : ''}
        </ListItem>
      ))}
    </List>
  );
}

/** Why a desktop has not moved, in words. */
function useWhy(rollout: Rollout): (row: RolloutDesktop) => string {
  const { t, said } = useI18n();
  return (row) => {
    if (row.error) return said(row.error);
    if (row.state !== 'waiting' || ENDED.includes(rollout.state ?? '')) return '';
    if (rollout.state === 'paused') return t('rollouts.why-paused');
    if (rollout.state === 'checking') return t('rollouts.why-checking');
    if (rollout.state === 'staged' && row.stage !== 'first') return t('rollouts.why-first');
    return row.desktop_state === 'off' ? '' : t('rollouts.why-runs');
  };
}

function Desktops({ rollout }: { rollout: Rollout }) {
  const { word } = useI18n();
  const why = useWhy(rollout);
  const { data } = useGet<Page<RolloutDesktop>>(`/rollouts/${rollout.id}/desktops?limit=1000&sort=stage`);
  return (
    <List isPlain isBordered>
      {(data?.items ?? []).map((row) => (
        <ListItem key={row.id} data-row={row.desktop_name}>
          <StateLabel of="rollout-desktop" state={row.state} /> {row.desktop_name ? <Link to={`/desktops?search=${encodeURIComponent(row.desktop_name)}`}>{row.desktop_name}</Link> : row.desktop_id} · {word('rollouts.stage', row.stage)}
          {why(row) && <> · {why(row)}</>}
        </ListItem>
      ))}
    </List>
  );
}

function RolloutDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t, word, number, date, said } = useI18n();
  const { data: rollout } = useGet<Rollout>(`/rollouts/${id}`);
  if (!rollout) return null;
  const total = rollout.total ?? 0;
  const moved = rollout.moved ?? 0;
  return (
    <Dialog
      title={`${rollout.pool_name ?? ''}: ${t('rollouts.versions', { from: rollout.from_number ?? 0, to: rollout.to_number ?? 0 })}`}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('act.close')}</Button>}
    >
      <Progress
        title={t('rollouts.moved', { moved: number(moved), total: number(total) })}
        aria-label={t('rollouts.progress')}
        value={total ? Math.floor((100 * moved) / total) : 100}
        {...(rollout.failed ? { variant: 'danger' as const } : {})}
      />
      <Facts
        rows={(
          [
          [t('field.state'), <StateLabel key="state" of="rollout" state={rollout.state} />],
          [t('rollouts.mode'), word('rollouts.mode', rollout.mode)],
          [t('rollouts.healthy'), number(rollout.healthy ?? 0)],
          [t('rollouts.failed'), number(rollout.failed ?? 0)],
          [t('rollouts.reason'), said(rollout.reason)],
          [t('rollouts.kept'), rollout.kept ? t('rollouts.kept-text', { n: number(rollout.kept) }) : ''],
          [t('rollouts.keep-until'), rollout.keep_until && rollout.kept ? date(rollout.keep_until) : ''],
          [t('field.ended'), rollout.ended && date(rollout.ended)],
          [t('rollouts.gate'), rollout.gate && <Gate key="gate" checks={rollout.gate.checks ?? []} />],
          ] as Fact[]
        ).filter(([, value]) => Boolean(value))}
      />
      <Desktops rollout={rollout} />
    </Dialog>
  );
}

export default function RolloutsPage() {
  const { t, number, date, word, said } = useI18n();
  const admin = useRole() === 'admin';
  const acts = useActs();
  const toasts = useToasts();
  const tell = (row: Rollout, verb: string) => void post(`/rollouts/${row.id}/${verb}`).catch(toasts.failure);
  const back = (row: Rollout) =>
    acts.show(
      <ConfirmDialog
        title={`${t('rollouts.back')}: ${row.pool_name ?? ''}`}
        text={t('rollouts.back-text')}
        action={t('rollouts.back')}
        onConfirm={() => post(`/rollouts/${row.id}/back`)}
        onClose={acts.close}
      />,
    );
  const mayGoBack = (row: Rollout) => [...MOVES, 'paused'].includes(row.state ?? '') || (row.state === 'done' && (row.kept ?? 0) > 0);
  return (
    <PageFrame title={t('rollouts.title')}>
      <DataTable<Rollout>
        label={t('rollouts.title')}
        path="/rollouts"
        sort="-created"
        nameOf={(row) => `${row.pool_name ?? ''} ${row.to_number ?? ''}`}
        empty={t('rollouts.empty')}
        columns={[
          { key: 'pool_name', label: t('field.pool'), sortable: true, render: (row) => row.pool_name },
          { key: 'to_number', label: t('field.template-version'), render: (row) => t('rollouts.versions', { from: row.from_number ?? 0, to: row.to_number ?? 0 }) },
          { key: 'mode', label: t('rollouts.mode'), render: (row) => word('rollouts.mode', row.mode) },
          { key: 'state', label: t('field.state'), sortable: true, render: (row) => <StateLabel of="rollout" state={row.state} /> },
          { key: 'moved', label: t('rollouts.progress'), render: (row) => t('rollouts.moved', { moved: number(row.moved ?? 0), total: number(row.total ?? 0) }) },
          { key: 'reason', label: t('rollouts.reason'), render: (row) => said(row.reason) || '–' },
          { key: 'created', label: t('field.created'), sortable: true, nowrap: true, render: (row) => date(row.created) },
        ]}
        actions={(row) => [
          { title: t('rollouts.show'), onClick: () => acts.show(<RolloutDialog id={row.id ?? ''} onClose={acts.close} />) },
          ...(admin && MOVES.includes(row.state ?? '') ? [{ title: t('rollouts.pause'), onClick: () => tell(row, 'pause') }] : []),
          ...(admin && row.state === 'paused' ? [{ title: t('rollouts.resume'), onClick: () => tell(row, 'resume') }] : []),
          ...(admin && mayGoBack(row) ? [{ title: t('rollouts.back'), isDanger: true, onClick: () => back(row) }] : []),
        ]}
      />
      {acts.dialog}
    </PageFrame>
  );
}
