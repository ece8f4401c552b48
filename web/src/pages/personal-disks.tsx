import { Checkbox } from '@patternfly/react-core';
import { useState } from 'react';
import { post, remove } from '../api/client';
import { useRole } from '../data/session';
import type { Desktop, Job, PersonalDisk } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { ConfirmDialog } from '../ui/dialog';
import { FormDialog, type Field } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { useOptions } from '../ui/pick';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';

/** The pool form's field. */
export const personalField = (t: ReturnType<typeof useI18n>['t']): Field => ({
  name: 'personal_disk_gib',
  label: t('field.personal-disk'),
  kind: 'number',
  help: t('disks.pool-help'),
});

/** Asks before a desktop goes; its personal disk stays unless that is asked for, too. */
export function DeleteDesktopDialog({ desktop, onClose }: { desktop: Desktop; onClose: () => void }) {
  const { t } = useI18n();
  const toasts = useToasts();
  const [too, setToo] = useState(false);
  const name = desktop.name ?? '';
  const has = !!desktop.personal_disk_id;
  return (
    <ConfirmDialog
      title={t('confirm.delete', { name })}
      text={t('desktops.delete-text')}
      action={t('act.delete')}
      typeName={too ? t('disks.typed', { user: desktop.username ?? '' }) : name}
      extra={
        has && (
          <Checkbox
            id="personal-too"
            label={t('disks.delete-too')}
            description={t(too ? 'disks.delete-text' : 'disks.kept')}
            isChecked={too}
            onChange={(_, on) => setToo(on)}
          />
        )
      }
      onConfirm={async () => {
        const path = `/desktops/${desktop.id}${too ? `?personal_disk=${desktop.personal_disk_id}` : ''}`;
        void toasts.follow(await remove<Job>(path, desktop.version), name);
      }}
      onClose={onClose}
    />
  );
}

export default function PersonalDisksPage() {
  const { t, number, date, word, bytes } = useI18n();
  const admin = useRole() === 'admin';
  const acts = useActs();
  const toasts = useToasts();
  const pools = useOptions('/pools');
  const grow = (row: PersonalDisk) =>
    acts.show(
      <FormDialog
        title={`${t('disks.grow')}: ${row.name ?? ''}`}
        intro={t('disks.grow-text')}
        fields={[{ name: 'size_gib', label: t('disks.size'), kind: 'number', required: true }]}
        start={{ size_gib: row.size_gib ?? 0 }}
        submit={t('disks.grow')}
        onClose={acts.close}
        onSubmit={async (values) => {
          void toasts.follow(await post<Job>(`/personal-disks/${row.id}/grow`, values), row.name ?? '');
        }}
      />,
    );
  const move = (row: PersonalDisk) =>
    acts.show(
      <FormDialog
        title={`${t('disks.move')}: ${row.name ?? ''}`}
        intro={t('disks.move-text')}
        fields={[{ name: 'pool_id', label: t('field.pool'), kind: 'choice', required: true, options: pools.filter((pool) => pool.value !== row.pool_id) }]}
        submit={t('disks.move')}
        onClose={acts.close}
        onSubmit={async (values) => {
          await post(`/personal-disks/${row.id}/move`, values);
        }}
      />,
    );
  const desktop = (row: PersonalDisk) => (row.desktop_name ? `${row.desktop_name} (${word('desktop.state', row.desktop_state)})` : '–');
  return (
    <PageFrame title={t('disks.title')}>
      <DataTable<PersonalDisk>
        label={t('disks.title')}
        path="/personal-disks"
        sort="name"
        nameOf={(row) => row.name ?? ''}
        empty={t('disks.empty')}
        columns={[
          { key: 'name', label: t('field.name'), sortable: true, render: (row) => row.name },
          { key: 'user_name', label: t('field.owner'), sortable: true, render: (row) => row.user_name || t('disks.gone', { user: row.username ?? '' }) },
          { key: 'pool_name', label: t('field.pool'), sortable: true, render: (row) => row.pool_name },
          { key: 'size_gib', label: t('disks.size'), sortable: true, render: (row) => number(row.size_gib ?? 0) },
          { key: 'disk_bytes', label: t('templates.takes'), render: (row) => (row.disk_bytes ? bytes(row.disk_bytes) : '–') },
          { key: 'desktop_name', label: t('disks.desktop'), sortable: true, render: desktop },
          { key: 'error', label: t('field.error'), render: (row) => row.error ?? '' },
        ]}
        filters={[{ name: 'pool_id', label: t('field.pool'), from: '/pools' }]}
        details={(row) => [
          [t('disks.file'), row.image],
          [t('field.error'), row.error],
          [t('field.created'), date(row.created)],
        ]}
        {...(admin
          ? {
              actions: (row: PersonalDisk) => [
                { title: t('disks.grow'), onClick: () => grow(row) },
                { title: t('disks.move'), onClick: () => move(row) },
                {
                  title: t('act.delete'),
                  isDanger: true,
                  onClick: () =>
                    acts.askDelete({ path: `/personal-disks/${row.id}`, name: row.name ?? '', text: t('disks.delete-text'), version: row.version, typeName: true }),
                },
              ],
            }
          : {})}
      />
      {acts.dialog}
    </PageFrame>
  );
}
