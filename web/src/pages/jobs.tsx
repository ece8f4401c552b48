import { Progress } from '@patternfly/react-core';
import { useMemo } from 'react';
import { useRole } from '../data/session';
import type { Job } from '../data/types';
import { useI18n } from '../i18n';
import { en } from '../i18n/en';
import { DataTable, type Column } from '../ui/data-table';
import { PageFrame } from '../ui/page';
import { StateLabel } from '../ui/state-label';
import { useActs } from '../ui/use-acts';

const KINDS = Object.keys(en)
  .filter((key) => key.startsWith('job.kind.'))
  .map((key) => key.slice('job.kind.'.length));
const STATES = ['queued', 'running', 'done', 'failed', 'cancelled'];

function useColumns(): Column<Job>[] {
  const { t, word, date, said } = useI18n();
  return useMemo(
    () => [
      { key: 'created', label: t('field.time'), nowrap: true, sortable: true, render: (row) => date(row.created) },
      { key: 'kind', label: t('field.job'), render: (row) => word('job.kind', row.kind) },
      { key: 'object_name', label: t('field.object'), render: (row) => row.object_name ?? '–' },
      { key: 'username', label: t('field.owner'), render: (row) => row.username ?? '–' },
      { key: 'state', label: t('field.state'), render: (row) => <StateLabel of="job" state={row.state} /> },
      {
        key: 'progress',
        label: t('field.progress'),
        render: (row) =>
          row.state === 'running' ? (
            <Progress aria-label={t('field.progress')} size="sm" value={row.progress ?? 0} label={word('step', row.step)} />
          ) : (
            row.state !== 'done' && word('step', row.step)
          ),
      },
      { key: 'error', label: t('field.error'), render: (row) => said(row.error) },
    ],
    [t, word, date, said],
  );
}

export default function JobsPage() {
  const { t, word, date, number, said } = useI18n();
  const admin = useRole() === 'admin';
  const acts = useActs();
  const columns = useColumns();
  const live = (row: Job) => row.state === 'queued' || row.state === 'running';
  return (
    <PageFrame title={t('jobs.title')}>
      <DataTable<Job>
        label={t('jobs.title')}
        path="/jobs"
        sort="-created"
        nameOf={(row) => row.object_name ?? row.kind ?? ''}
        columns={columns}
        times={[{ name: 'ended', label: t('field.ended') }]}
        filters={[
          { name: 'kind', label: t('field.job'), options: KINDS.map((value) => ({ value, label: word('job.kind', value) })) },
          { name: 'state', label: t('field.state'), options: STATES.map((value) => ({ value, label: word('job.state', value) })) },
        ]}
        details={(row) => [
          [t('field.job'), word('job.kind', row.kind)],
          [t('field.state'), <StateLabel key="state" of="job" state={row.state} />],
          [t('field.progress'), `${word('step', row.step)} (${number(row.step_number ?? 0)}/${number(row.steps ?? 0)}, ${number(row.progress ?? 0)} %)`],
          [t('field.error'), said(row.error)],
          [t('field.owner'), row.username],
          [t('field.attempts'), number(row.attempts ?? 0)],
          [t('field.created'), date(row.created)],
          [t('field.started'), date(row.started)],
          [t('field.ended'), date(row.ended)],
          [t('field.id'), row.id],
        ]}
        {...(admin
          ? {
              actions: (row: Job) =>
                live(row) ? [{ title: t('job.cancel'), onClick: () => void acts.act(`/jobs/${row.id}/cancel`, row.object_name ?? '') }] : [],
            }
          : {})}
      />
    </PageFrame>
  );
}
