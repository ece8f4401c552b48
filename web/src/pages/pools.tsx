import { Button, List, ListItem, ToolbarItem } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { get, patch, post, remove } from '../api/client';
import { useRole } from '../data/session';
import type { Entitlement, Job, Page, Pool, Template, TemplateVersion } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { ConfirmDialog, Dialog } from '../ui/dialog';
import { FormDialog, type Field, type Values } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { useOptions } from '../ui/pick';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';
import { personalField } from './personal-disks';
import { flatFollow, followFacts, followFields, StartRollout, withFollow } from './pool-rollout';
import { flatPower, kindFields, powerFacts, powerFields, withPower } from './pool-power';
import { POLICY, policyFacts, policyFields, withPolicy } from './policy';

function GrantsDialog({ pool, onClose }: { pool: Pool; onClose: () => void }) {
  const { t } = useI18n();
  const acts = useActs();
  const path = `/pools/${pool.id}/entitlements`;
  const { data, reload } = useGet<Page<Entitlement>>(`${path}?limit=1000`);
  const departments = useOptions('/departments');
  const give = (title: string, field: Pick<Field, 'name' | 'kind' | 'options' | 'path'>) =>
    acts.show(
      <FormDialog
        title={title}
        fields={[{ label: t('field.person-or-department'), required: true, ...field }]}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={async (values) => {
          await post(path, values);
          reload();
        }}
      />,
    );
  const revoke = (row: Entitlement) =>
    acts.show(
      <ConfirmDialog
        title={t('pools.revoke')}
        text={`${row.department_name ?? row.username ?? ''} – ${t('pools.revoke-text')}`}
        action={t('pools.revoke')}
        onConfirm={async () => {
          await remove(`${path}/${row.id}`);
          reload();
        }}
        onClose={acts.close}
      />,
    );
  if (acts.dialog) return <>{acts.dialog}</>;
  return (
    <Dialog
      title={`${pool.name ?? ''}: ${t('pools.grants')}`}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('act.close')}</Button>}
    >
      <List isPlain isBordered>
        {(data?.items ?? []).map((row) => (
          <ListItem key={row.id}>
            <span className="yd-head">
              {row.department_name ?? row.username}
              <Button variant="link" isDanger onClick={() => revoke(row)}>
                {t('pools.revoke')}
              </Button>
            </span>
          </ListItem>
        ))}
      </List>
      {data?.items.length === 0 && <p>{t('table.empty')}</p>}
      <Button
        variant="secondary"
        isDisabled={departments.length === 0}
        onClick={() => give(t('pools.grant-department'), { name: 'department_id', kind: 'choice', options: departments })}
      >
        {t('pools.grant-department')}
      </Button>{' '}
      <Button variant="secondary" onClick={() => give(t('pools.grant-user'), { name: 'user_id', kind: 'search', path: '/users' })}>
        {t('pools.grant-user')}
      </Button>
    </Dialog>
  );
}

/** Ready versions of all templates, newest first, as choices; undefined until they are known. */
function useVersions(): { value: string; label: string }[] | undefined {
  const [versions, setVersions] = useState<{ value: string; label: string }[]>();
  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      const templates = await get<Page<Template>>('/templates?limit=1000&sort=name', abort.signal);
      const lists = await Promise.all(
        templates.items.map(async (template) => {
          const page = await get<Page<TemplateVersion>>(`/templates/${template.id}/versions?limit=1000&state=ready`, abort.signal);
          return page.items.map((row) => ({ value: row.id ?? '', label: `${template.name} – ${row.number}` })).reverse();
        }),
      );
      setVersions(lists.flat());
    };
    read().catch(() => setVersions([]));
    return () => abort.abort();
  }, []);
  return versions;
}

function PoolForm({ pool, onClose }: { pool?: Pool; onClose: () => void }) {
  const i18n = useI18n();
  const { t } = i18n;
  const versions = useVersions();
  const networks = useOptions('/networks');
  if (!versions) return null;
  if (versions.length === 0 || networks.length === 0)
    return (
      <Dialog title={t('pools.add')} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
        <List>
          {networks.length === 0 && <ListItem>{t('dashboard.step-network')}</ListItem>}
          {versions.length === 0 && <ListItem>{t('dashboard.step-template')}</ListItem>}
        </List>
      </Dialog>
    );
  const fields: Field[] = [
    { name: 'name', label: t('field.name'), required: true },
    { name: 'description', label: t('field.description') },
    { name: 'template_version_id', label: t('field.template-version'), kind: 'choice', options: versions },
    { name: 'network_id', label: t('field.network'), kind: 'choice', options: networks },
    { name: 'vcpus', label: t('field.vcpus'), kind: 'number', required: true },
    { name: 'memory_mib', label: t('field.memory'), kind: 'number', required: true },
    { name: 'disk_gib', label: t('field.disk'), kind: 'number' },
    personalField(t),
    { name: 'max_desktops', label: t('field.max-desktops'), kind: 'number' },
    { name: 'enabled', label: t('field.enabled'), kind: 'switch' },
    ...kindFields(i18n, pool),
    ...powerFields(i18n),
    { name: 'instant', label: t('field.instant'), kind: 'switch', help: t('pools.instant-text') },
    ...followFields(i18n),
    ...policyFields(i18n),
  ];
  const flat = (of: Values) => ({ ...of, ...(of['policy'] as unknown as Values | undefined), ...flatFollow(of), ...flatPower(of) });
  const start = flat((pool ?? { vcpus: 2, memory_mib: 2048, disk_gib: 0, personal_disk_gib: 0, max_desktops: 0, enabled: true, policy: POLICY }) as unknown as Values);
  return (
    <FormDialog
      editing={pool !== undefined}
      title={pool ? `${t('act.edit')}: ${pool.name ?? ''}` : t('pools.add')}
      fields={fields}
      start={start}
      flat={flat}
      submit={pool ? t('act.save') : t('act.add')}
      onClose={onClose}
      onSubmit={async (values, version, present) => {
        const body = withPolicy(values, (present?.['policy'] as unknown as Values | undefined) ?? (pool?.policy as unknown as Values | undefined));
        const whole = withFollow(body, (present?.['rollout'] ?? pool?.rollout ?? undefined) as unknown as Values | undefined);
        const all = withPower(whole, present?.['power'] ?? pool?.power);
        if (pool) await patch(`/pools/${pool.id}`, all, version ?? pool.version);
        else await post('/pools', all);
      }}
    />
  );
}

export default function PoolsPage() {
  const i18n = useI18n();
  const { t, number, date } = i18n;
  const admin = useRole() === 'admin';
  const acts = useActs();
  const toasts = useToasts();
  const departments = useOptions('/departments');
  const setEnabled = (row: Pool, enabled: boolean) => patch(`/pools/${row.id}`, { enabled });
  const askDisable = (row: Pool) =>
    acts.show(
      <ConfirmDialog
        title={`${t('users.disable')}: ${row.name ?? ''}`}
        text={t('pools.disable-text')}
        action={t('users.disable')}
        onConfirm={async () => {
          await setEnabled(row, false);
        }}
        onClose={acts.close}
      />,
    );
  const handout = (row: Pool) =>
    acts.show(
      <FormDialog
        title={`${t('pools.handout')}: ${row.name ?? ''}`}
        intro={t('pools.handout-text')}
        fields={[{ name: 'department_id', label: t('field.department'), kind: 'choice', options: departments, required: true }]}
        submit={t('pools.handout')}
        onClose={acts.close}
        onSubmit={async (values) => {
          const job = await post<Job>(`/pools/${row.id}/handout`, values);
          void toasts.follow(job, row.name ?? '');
        }}
      />,
    );
  const handoutTo = (row: Pool) =>
    acts.show(
      <FormDialog
        title={`${t('pools.handout-person')}: ${row.name ?? ''}`}
        intro={t('pools.handout-person-text')}
        fields={[{ name: 'user_id', label: t('field.owner'), kind: 'search', path: '/users', required: true }]}
        submit={t('pools.handout')}
        onClose={acts.close}
        onSubmit={async (values) => {
          const job = await post<Job>(`/pools/${row.id}/handout`, { user_ids: [values['user_id'] ?? ''] });
          void toasts.follow(job, row.name ?? '');
        }}
      />,
    );
  return (
    <PageFrame title={t('pools.title')}>
      <DataTable<Pool>
        label={t('pools.title')}
        path="/pools"
        sort="name"
        nameOf={(row) => row.name ?? ''}
        empty={t('pools.empty')}
        columns={[
          { key: 'name', label: t('field.name'), sortable: true, render: (row) => row.name },
          { key: 'template_name', label: t('field.template'), render: (row) => `${row.template_name ?? ''} ${row.template_number ?? ''}` },
          { key: 'network_name', label: t('field.network'), render: (row) => row.network_name },
          { key: 'kind', label: t('pools.kind'), render: (row) => i18n.word('pool-kind', row.kind ?? 'dedicated') },
          { key: 'vcpus', label: t('field.vcpus'), render: (row) => number(row.vcpus ?? 0) },
          { key: 'memory_mib', label: t('field.memory'), render: (row) => number(row.memory_mib ?? 0) },
          {
            key: 'desktops',
            label: t('field.desktops'),
            render: (row) => `${number(row.desktops_ready ?? 0)} / ${number(row.desktops ?? 0)}`,
          },
          { key: 'enabled', label: t('field.enabled'), render: (row) => t(row.enabled ? 'field.yes' : 'field.no') },
        ]}
        details={(row) => [
          [t('field.description'), row.description],
          [t('field.access'), row.access],
          [t('field.disk'), number(row.disk_gib ?? 0)],
          [t('field.personal-disk'), number(row.personal_disk_gib ?? 0)],
          [t('field.max-desktops'), number(row.max_desktops ?? 0)],
          [t('field.created'), date(row.created)],
          ...followFacts(i18n, row),
          ...powerFacts(i18n, row),
          ...policyFacts(i18n, row.policy as unknown as Values | undefined),
        ]}
        actions={(row) => [
          ...(row.kind === 'floating'
            ? []
            : [
                { title: t('pools.handout'), onClick: () => handout(row) },
                { title: t('pools.handout-person'), onClick: () => handoutTo(row) },
              ]),
          ...(admin
            ? [
                { title: t('rollouts.start'), onClick: () => acts.show(<StartRollout pool={row} onClose={acts.close} />) },
                { title: t('pools.grants'), onClick: () => acts.show(<GrantsDialog pool={row} onClose={acts.close} />) },
                row.enabled
                  ? { title: t('users.disable'), onClick: () => askDisable(row) }
                  : { title: t('users.enable'), onClick: () => void setEnabled(row, true).catch(toasts.failure) },
                { title: t('act.edit'), onClick: () => acts.show(<PoolForm pool={row} onClose={acts.close} />) },
                {
                  title: t('act.delete'),
                  isDanger: true,
                  onClick: () =>
                    acts.askDelete({
                      path: `/pools/${row.id}`,
                      name: row.name ?? '',
                      text: t('pools.delete-text'),
                      version: row.version,
                    }),
                },
              ]
            : []),
        ]}
        toolbar={
          admin && (
            <ToolbarItem>
              <Button onClick={() => acts.show(<PoolForm onClose={acts.close} />)}>{t('pools.add')}</Button>
            </ToolbarItem>
          )
        }
      />
      {acts.dialog}
    </PageFrame>
  );
}
