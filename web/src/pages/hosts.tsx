import { Button, ToolbarItem } from '@patternfly/react-core';
import { patch, post } from '../api/client';
import type { Host } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { ConfirmDialog } from '../ui/dialog';
import { FormDialog, type Field } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';
import { Balance } from './host-balance';
import { WhatIf } from './host-what-if';

const MIB = 1024 * 1024;

export default function HostsPage() {
  const { t, bytes, number, date, word, said } = useI18n();
  const acts = useActs();
  const toasts = useToasts();
  const limits: Field[] = [
    { name: 'reserve_mib', label: t('field.reserve'), kind: 'number', help: t('hosts.reserve-text') },
    { name: 'vcpu_ratio', label: t('field.vcpu-ratio'), kind: 'number', step: 'any', help: t('hosts.vcpu-ratio-text') },
  ];
  const edit = (row: Host) =>
    acts.show(
      <FormDialog
        editing
        title={`${t('act.edit')}: ${row.name ?? ''}`}
        fields={[{ name: 'name', label: t('field.name'), required: true }, ...limits]}
        start={row as never}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={(values, version) => patch(`/hosts/${row.id}`, values, version ?? row.version)}
      />,
    );
  const add = () =>
    acts.show(
      <FormDialog
        title={t('hosts.add')}
        fields={[
          { name: 'name', label: t('field.name'), required: true },
          { name: 'uri', label: t('field.uri'), required: true, help: 'qemu:///system' },
          ...limits,
        ]}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={(values) => post('/hosts', values)}
      />,
    );
  const setState = (row: Host, state: string) => patch(`/hosts/${row.id}`, { state });
  const maintenance = (row: Host) =>
    acts.show(
      <ConfirmDialog
        title={`${t('hosts.maintenance')}: ${row.name ?? ''}`}
        text={t('hosts.maintenance-text')}
        action={t('hosts.maintenance')}
        onConfirm={async () => {
          await setState(row, 'maintenance');
        }}
        onClose={acts.close}
      />,
    );
  const drain = (row: Host) =>
    acts.show(
      <ConfirmDialog
        title={`${t('hosts.drain')}: ${row.name ?? ''}`}
        text={t('hosts.drain-text')}
        action={t('hosts.drain')}
        onConfirm={async () => {
          await post(`/hosts/${row.id}/drain`, {});
        }}
        onClose={acts.close}
      />,
    );
  const fence = (row: Host) =>
    acts.show(
      <ConfirmDialog
        title={`${t('hosts.fence')}: ${row.name ?? ''}`}
        text={t('hosts.fence-text')}
        action={t('hosts.fence')}
        typeName={row.name ?? ''}
        onConfirm={async () => {
          await post(`/hosts/${row.id}/fence`, { confirmed: true });
        }}
        onClose={acts.close}
      />,
    );
  const silent = (row: Host) => row.state === 'suspect' || row.state === 'down';
  return (
    <PageFrame title={t('hosts.title')}>
      <DataTable<Host>
        label={t('hosts.title')}
        path="/hosts"
        sort="name"
        nameOf={(row) => row.name ?? ''}
        columns={[
          { key: 'name', label: t('field.name'), sortable: true, render: (row) => row.name },
          { key: 'state', label: t('field.state'), render: (row) => <StateLabel of="host" state={row.state} /> },
          { key: 'cpu_model', label: t('field.cpu'), render: (row) => `${number(row.cpus ?? 0)} × ${row.cpu_model ?? '–'}` },
          {
            key: 'accel',
            label: t('field.accel'),
            render: (row) => <abbr title={said(row.accel_reason)}>{word('accel', row.accel)}</abbr>,
          },
          { key: 'load', label: t('field.load'), render: (row) => number(row.load ?? 0) },
          {
            key: 'memory_free_mib',
            label: t('field.memory-free'),
            nowrap: true,
            render: (row) => `${bytes((row.memory_free_mib ?? 0) * MIB)} / ${bytes((row.memory_mib ?? 0) * MIB)}`,
          },
          {
            key: 'storage_free_bytes',
            label: t('field.storage-free'),
            nowrap: true,
            render: (row) => `${bytes(row.storage_free_bytes ?? 0)} / ${bytes(row.storage_bytes ?? 0)}`,
          },
          {
            key: 'desktops',
            label: t('field.desktops'),
            render: (row) => `${number(row.desktops_running ?? 0)} / ${number(row.desktops ?? 0)}`,
          },
          { key: 'seen', label: t('field.seen'), nowrap: true, render: (row) => date(row.seen) },
        ]}
        details={(row) => [
          [t('field.state'), <StateLabel key="state" of="host" state={row.state} />],
          [t('field.since'), date(row.since)],
          [t('field.error'), said(row.error)],
          [t('field.uri'), row.uri],
          [t('field.accel'), `${word('accel', row.accel)} ${said(row.accel_reason)}`],
          [t('field.reserve'), bytes((row.reserve_mib ?? 0) * MIB)],
          [t('field.vcpu-ratio'), number(row.vcpu_ratio ?? 0)],
          [t('field.seen'), date(row.seen)],
          [t('field.created'), date(row.created)],
        ]}
        actions={(row) => [
          { title: t('act.edit'), onClick: () => edit(row) },
          row.state === 'maintenance'
            ? { title: t('hosts.end-maintenance'), onClick: () => void setState(row, 'up').catch(toasts.failure) }
            : { title: t('hosts.maintenance'), onClick: () => maintenance(row) },
          ...(row.state === 'up' || row.state === 'maintenance'
            ? [
                { title: t('hosts.drain'), onClick: () => drain(row) },
                { title: t('hosts.what-if'), onClick: () => acts.show(<WhatIf host={row} onClose={acts.close} />) },
              ]
            : []),
          ...(silent(row) ? [{ title: t('hosts.fence'), isDanger: true, onClick: () => fence(row) }] : []),
          {
            title: t('act.remove'),
            isDanger: true,
            onClick: () =>
              acts.askDelete({
                path: `/hosts/${row.id}`,
                name: row.name ?? '',
                text: t('hosts.delete-text'),
                version: row.version,
              }),
          },
        ]}
        toolbar={
          <>
            <ToolbarItem>
              <Button onClick={add}>{t('hosts.add')}</Button>
            </ToolbarItem>
            <ToolbarItem>
              <Button variant="secondary" onClick={() => acts.show(<Balance onClose={acts.close} />)}>
                {t('hosts.balance')}
              </Button>
            </ToolbarItem>
          </>
        }
      />
      {acts.dialog}
    </PageFrame>
  );
}
