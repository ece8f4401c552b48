import { Button, ToolbarItem } from '@patternfly/react-core';
import type { IAction } from '@patternfly/react-table';
import { useMemo } from 'react';
import { Link, Route, Routes } from 'react-router-dom';
import { patch, post } from '../api/client';
import { useRole } from '../data/session';
import type { Desktop, Job } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable, type Column } from '../ui/data-table';
import { ConfirmDialog } from '../ui/dialog';
import { FormDialog } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { useActs, type Acts } from '../ui/use-acts';
import { DesktopDetails } from './desktop-details';
import { DeleteDesktopDialog } from './personal-disks';

const STATES = ['ready', 'preparing', 'starting', 'paused', 'saved', 'stopping', 'off', 'failed', 'new', 'deriving', 'rebuilding', 'deleting'];

export function useDesktopColumns(): Column<Desktop>[] {
  const { t, said } = useI18n();
  return useMemo(
    () => [
      { key: 'name', label: t('field.name'), sortable: true, nowrap: true, render: (row) => <Link to={`/desktops/${row.id}`}>{row.name}</Link> },
      { key: 'username', label: t('field.owner'), sortable: true, render: (row) => row.user_name || row.username },
      { key: 'pool_name', label: t('field.pool'), render: (row) => row.pool_name },
      { key: 'state', label: t('field.state'), sortable: true, render: (row) => <StateLabel of="desktop" state={row.state} /> },
      { key: 'host_name', label: t('field.host'), render: (row) => row.host_name ?? '–' },
      { key: 'ip', label: t('field.ip'), render: (row) => row.ip ?? '–' },
      { key: 'error', label: t('field.error'), render: (row) => said(row.error) },
    ],
    [t, said],
  );
}

/** The acts on desktops: one or many. */
export function useDesktopActs(acts: Acts) {
  const { t } = useI18n();
  const toasts = useToasts();
  const names = (rows: Desktop[]) => rows.map((row) => row.name).join(', ');
  const all = async (rows: Desktop[], verb: string) => {
    for (const row of rows) await acts.act(`/desktops/${row.id}/${verb}`, row.name ?? '');
  };
  const ask = (rows: Desktop[], verb: string, title: string, text: string, typed: boolean) =>
    acts.show(
      <ConfirmDialog
        title={`${title}: ${names(rows)}`}
        text={text}
        action={title}
        {...(typed && rows.length === 1 ? { typeName: rows[0]?.name ?? '' } : {})}
        onConfirm={() => all(rows, verb)}
        onClose={acts.close}
      />,
    );
  const resize = (row: Desktop) =>
    acts.show(
      <FormDialog
        editing
        title={`${t('desktops.resize')}: ${row.name ?? ''}`}
        intro={t('desktops.resize-text')}
        fields={[
          { name: 'vcpus', label: t('field.vcpus'), kind: 'number', required: true },
          { name: 'memory_mib', label: t('field.memory'), kind: 'number', required: true },
          { name: 'disk_gib', label: t('field.disk'), kind: 'number' },
        ]}
        start={row as never}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={async (values, version) => {
          const job = await patch<Job | undefined>(`/desktops/${row.id}`, values, version ?? row.version);
          if (job && 'kind' in job) void toasts.follow(job, row.name ?? '');
        }}
      />,
    );
  const rename = (row: Desktop) =>
    acts.show(
      <FormDialog
        editing
        title={`${t('act.rename')}: ${row.name ?? ''}`}
        fields={[{ name: 'name', label: t('field.name'), required: true }]}
        start={row as never}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={(values, version) => patch(`/desktops/${row.id}`, values, version ?? row.version)}
      />,
    );
  const migrate = (row: Desktop) =>
    acts.show(
      <FormDialog
        title={`${t('desktop.migrate')}: ${row.name ?? ''}`}
        intro={t('desktop.migrate-text')}
        fields={[{ name: 'host_id', label: t('field.host'), kind: 'search', path: '/hosts', help: t('desktop.migrate-help') }]}
        submit={t('desktop.migrate')}
        onClose={acts.close}
        onSubmit={async (values) => {
          const job = await post<Job>(`/desktops/${row.id}/migrate`, values.host_id ? { host_id: values.host_id } : {});
          void toasts.follow(job, row.name ?? '');
        }}
      />,
    );
  return {
    rename,
    migrate,
    start: (rows: Desktop[]) => void all(rows, 'start'),
    shutdown: (rows: Desktop[]) => void all(rows, 'shutdown'),
    reboot: (rows: Desktop[]) => void all(rows, 'reboot'),
    powerOff: (rows: Desktop[]) => ask(rows, 'power-off', t('desktops.power-off'), t('desktops.power-off-text'), false),
    rebuild: (rows: Desktop[]) => ask(rows, 'rebuild', t('portal.rebuild'), t(rows.every((row) => row.personal_disk_gib) ? 'portal.rebuild-keeps' : 'portal.rebuild-text'), true),
    resize,
    remove: (row: Desktop) => acts.show(<DeleteDesktopDialog desktop={row} onClose={acts.close} />),
  };
}

/** What may be done with one desktop, for its row and its page. */
export function useDesktopMenu(acts: Acts): (row: Desktop) => IAction[] {
  const { t } = useI18n();
  const admin = useRole() === 'admin';
  const on = useDesktopActs(acts);
  return (row) => [
    { title: t('portal.start'), onClick: () => on.start([row]) },
    { title: t('portal.shutdown'), onClick: () => on.shutdown([row]) },
    { title: t('portal.reboot'), onClick: () => on.reboot([row]) },
    { title: t('desktops.power-off'), onClick: () => on.powerOff([row]) },
    { title: t('portal.rebuild'), isDanger: true, onClick: () => on.rebuild([row]) },
    ...(admin
      ? [
          { title: t('act.rename'), onClick: () => on.rename(row) },
          { title: t('desktops.resize'), onClick: () => on.resize(row) },
          ...(row.state === 'ready' || row.state === 'paused' ? [{ title: t('desktop.migrate'), onClick: () => on.migrate(row) }] : []),
          { title: t('act.delete'), isDanger: true, onClick: () => on.remove(row) },
        ]
      : []),
  ];
}

function DesktopsList() {
  const { t, word } = useI18n();
  const admin = useRole() === 'admin';
  const acts = useActs();
  const on = useDesktopActs(acts);
  const menu = useDesktopMenu(acts);
  const columns = useDesktopColumns();
  const button = (label: string, act: () => void) => (
    <ToolbarItem>
      <Button variant="secondary" onClick={act}>
        {label}
      </Button>
    </ToolbarItem>
  );
  return (
    <PageFrame title={t('desktops.title')}>
      <DataTable<Desktop>
        label={t('desktops.title')}
        path="/desktops"
        sort="name"
        nameOf={(row) => row.name ?? ''}
        empty={t('desktops.empty')}
        columns={columns}
        filters={[
          { name: 'state', label: t('field.state'), options: STATES.map((value) => ({ value, label: word('desktop.state', value) })) },
          { name: 'pool_id', label: t('field.pool'), from: '/pools' },
          { name: 'department_ids', label: t('field.department'), from: '/departments' },
          ...(admin ? [{ name: 'host_id', label: t('field.host'), from: '/hosts' }] : []),
        ]}
        actions={menu}
        bulk={(rows, done) => (
          <>
            {button(t('portal.start'), () => {
              on.start(rows);
              done();
            })}
            {button(t('portal.shutdown'), () => {
              on.shutdown(rows);
              done();
            })}
            {button(t('portal.reboot'), () => {
              on.reboot(rows);
              done();
            })}
            {button(t('desktops.power-off'), () => on.powerOff(rows))}
            {button(t('portal.rebuild'), () => on.rebuild(rows))}
          </>
        )}
      />
      {acts.dialog}
    </PageFrame>
  );
}

export default function DesktopsPage() {
  return (
    <Routes>
      <Route index element={<DesktopsList />} />
      <Route path=":id" element={<DesktopDetails />} />
    </Routes>
  );
}
