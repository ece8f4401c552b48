// Backups: how it stands with them, what there is, making one, putting a disk back.
import { Alert, Button, ToolbarItem } from '@patternfly/react-core';
import { post } from '../api/client';
import type { Backup, BackupStatus, Desktop, Job, Page, PersonalDisk } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { ConfirmDialog } from '../ui/dialog';
import { DataTable } from '../ui/data-table';
import { FormDialog } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';

/** How it stands: a line, or what is wrong. */
function Standing() {
  const { t, date, bytes, said } = useI18n();
  const { data: status, error } = useGet<BackupStatus>('/backup-status');
  if (error) return <ProblemAlert error={error} />;
  if (!status) return null;
  if (!status.configured)
    return (
      <Alert isInline variant="info" title={t('backups.off')}>
        {t('backups.off-text')}
      </Alert>
    );
  const wrong = status.problem ?? status.alarm;
  const facts = t('backups.standing', {
    directory: status.directory ?? '–',
    free: bytes(status.free_bytes ?? 0),
    last: status.last ? date(status.last) : t('backups.never'),
    next: date(status.next),
  });
  return wrong ? (
    <Alert isInline variant="warning" title={said(wrong)}>
      {facts}
    </Alert>
  ) : (
    <p>{facts}</p>
  );
}

function MakeDialog({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const toasts = useToasts();
  const { data: desktops } = useGet<Page<Desktop>>('/desktops?limit=1000&sort=name');
  const { data: disks } = useGet<Page<PersonalDisk>>('/personal-disks?limit=1000&sort=name');
  const options = [
    { value: 'product', label: t('backups.what.product') },
    ...(desktops?.items ?? []).filter((row) => row.pool_id).map((row) => ({ value: `desktop ${row.id}`, label: `${t('backups.what.desktop')}: ${row.name ?? ''}` })),
    ...(disks?.items ?? []).map((row) => ({ value: `personal-disk ${row.id}`, label: `${t('backups.what.personal-disk')}: ${row.name ?? ''}` })),
  ];
  return (
    <FormDialog
      title={t('backups.make')}
      intro={t('backups.make-text')}
      fields={[{ name: 'of', label: t('backups.of'), kind: 'choice', options, required: true }]}
      start={{ of: 'product' } as never}
      submit={t('backups.make')}
      onClose={onClose}
      onSubmit={async (values) => {
        const [what, object_id] = String(values['of'] ?? 'product').split(' ');
        const label = options.find((option) => option.value === values['of'])?.label ?? '';
        void toasts.follow(await post<Job>('/backups', object_id ? { what, object_id } : { what: 'product' }), label);
      }}
    />
  );
}

function RestoreDialog({ backup, onClose }: { backup: Backup; onClose: () => void }) {
  const { t, date } = useI18n();
  const toasts = useToasts();
  return (
    <ConfirmDialog
      title={t('backups.restore-of', { name: backup.object_name ?? '', time: date(backup.taken) })}
      text={t('backups.restore-text')}
      action={t('backups.restore')}
      onConfirm={async () => {
        void toasts.follow(await post<Job>(`/backups/${backup.id}/restore`), backup.object_name ?? '');
      }}
      onClose={onClose}
    />
  );
}

export default function BackupsPage() {
  const { t, date, bytes, word, said } = useI18n();
  const acts = useActs();
  const toasts = useToasts();
  const verify = async (row: Backup) => {
    void toasts.follow(await post<Job>(`/backups/${row.id}/verify`), row.object_name ?? '');
  };
  return (
    <PageFrame title={t('backups.title')}>
      <Standing />
      <DataTable<Backup>
        label={t('backups.title')}
        path="/backups"
        sort="-created"
        nameOf={(row) => `${row.object_name ?? ''} ${date(row.taken || row.created)}`}
        empty={t('backups.empty')}
        columns={[
          { key: 'object_name', label: t('backups.of'), sortable: true, render: (row) => row.object_name },
          { key: 'what', label: t('backups.what'), sortable: true, render: (row) => word('backups.what', row.what) },
          { key: 'taken', label: t('backups.taken'), sortable: true, render: (row) => date(row.taken || row.created) },
          { key: 'kind', label: t('backups.kind'), render: (row) => word('backups.kind', row.kind) },
          { key: 'state', label: t('field.state'), sortable: true, render: (row) => <StateLabel of="backup" state={row.state} /> },
          { key: 'stored_bytes', label: t('backups.stored'), sortable: true, render: (row) => bytes(row.stored_bytes ?? 0) },
        ]}
        details={(row) => [
          [t('backups.origin'), word('backups.origin', row.origin)],
          [t('field.pool'), row.pool_name],
          [t('backups.held'), bytes(row.held_bytes ?? 0)],
          [t('backups.stored'), bytes(row.stored_bytes ?? 0)],
          [t('backups.verified'), row.verified ? date(row.verified) : t('backups.never')],
          [t('field.error'), said(row.error)],
        ]}
        actions={(row) => [
          ...(row.what === 'product'
            ? []
            : [{ title: t('backups.restore'), isDisabled: row.state !== 'ready', onClick: () => acts.show(<RestoreDialog backup={row} onClose={acts.close} />) }]),
          { title: t('backups.verify'), isDisabled: row.state !== 'ready' && row.state !== 'damaged', onClick: () => void verify(row) },
          {
            title: t('act.delete'),
            isDanger: true,
            isDisabled: row.state === 'making',
            onClick: () =>
              acts.askDelete({
                path: `/backups/${row.id}`,
                name: `${row.object_name ?? ''} ${date(row.taken || row.created)}`,
                text: t('backups.delete-text'),
                version: row.version,
              }),
          },
        ]}
        toolbar={
          <ToolbarItem>
            <Button onClick={() => acts.show(<MakeDialog onClose={acts.close} />)}>{t('backups.make')}</Button>
          </ToolbarItem>
        }
      />
      {acts.dialog}
    </PageFrame>
  );
}
