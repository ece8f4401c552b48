import { Button, ToolbarItem } from '@patternfly/react-core';
import { useMemo } from 'react';
import { Link } from 'react-router-dom';
import { patch, post, requestRaw } from '../api/client';
import { download } from '../data/connect';
import { useRole } from '../data/session';
import type { User } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable, type Column } from '../ui/data-table';
import { ConfirmDialog, SecretDialog } from '../ui/dialog';
import { FormDialog, type Field } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';
import { ImportDialog } from './user-import';

const ROLES = ['user', 'manager', 'admin'];
const LANGUAGES = ['en', 'zh-CN'];

function useFields(): Field[] {
  const { t, word } = useI18n();
  const roles = ROLES.map((value) => ({ value, label: word('role', value) }));
  const languages = [{ value: '', label: '–' }, ...LANGUAGES.map((value) => ({ value, label: word('language', value) }))];
  return [
    { name: 'username', label: t('field.username'), required: true },
    { name: 'name', label: t('field.name'), required: true },
    { name: 'number', label: t('field.number') },
    { name: 'email', label: t('field.email') },
    { name: 'role', label: t('field.role'), kind: 'choice', options: roles },
    { name: 'language', label: t('field.language'), kind: 'choice', options: languages },
  ];
}

function useColumns(): Column<User>[] {
  const { t, word, date } = useI18n();
  return useMemo(
    () => [
      { key: 'username', label: t('field.username'), sortable: true, render: (user) => user.username },
      { key: 'name', label: t('field.name'), sortable: true, render: (user) => user.name },
      { key: 'number', label: t('field.number'), render: (user) => user.number },
      { key: 'role', label: t('field.role'), render: (user) => word('role', user.role) },
      { key: 'department_names', label: t('field.departments'), render: (user) => user.department_names },
      { key: 'enabled', label: t('field.enabled'), render: (user) => t(user.enabled ? 'field.yes' : 'field.no') },
      { key: 'last_login', label: t('field.last-login'), nowrap: true, render: (user) => date(user.last_login) },
    ],
    [t, word, date],
  );
}

const name = (user: User) => encodeURIComponent(user.username ?? '');

export default function UsersPage() {
  const i18n = useI18n();
  const { t, word, date, number, bytes } = i18n;
  const admin = useRole() === 'admin';
  const toasts = useToasts();
  const acts = useActs();
  const fields = useFields();
  const columns = useColumns();

  const secret = (user: { username?: string | null }, password: string) =>
    acts.show(
      <SecretDialog
        title={t('users.one-time', { name: user.username ?? '' })}
        text={t('users.one-time-text')}
        username={user.username ?? undefined}
        secret={password}
        onClose={acts.close}
      />,
    );
  const reset = async (user: User) => {
    try {
      const answer = await post<{ password: string }>(`/users/${user.id}/password`);
      secret(user, answer.password);
    } catch (error) {
      toasts.failure(error);
    }
  };
  const enable = async (users: User[], enabled: boolean) => {
    for (const user of users) await patch(`/users/${user.id}`, { enabled });
  };
  const askDisable = (users: User[], done: () => void) =>
    acts.show(
      <ConfirmDialog
        title={t('users.disable')}
        text={`${users.map((user) => user.username).join(', ')} – ${t('users.disable-text')}`}
        action={t('users.disable')}
        onConfirm={async () => {
          await enable(users, false);
          done();
        }}
        onClose={acts.close}
      />,
    );
  const add = () =>
    acts.show(
      <FormDialog
        title={t('users.add')}
        fields={[...fields, { name: 'department_id', label: t('field.department'), kind: 'search', path: '/departments' }]}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={async ({ department_id, ...values }) => {
          const made = await post<User>('/users', values);
          if (department_id) await post(`/departments/${String(department_id)}/members`, { user_id: made.id }).catch(toasts.failure);
          void reset(made);
        }}
      />,
    );
  const edit = (user: User) =>
    acts.show(
      <FormDialog
        editing
        title={`${t('act.edit')}: ${user.username ?? ''}`}
        fields={fields}
        start={user as never}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={(values, version) => patch(`/users/${user.id}`, values, version ?? user.version)}
      />,
    );
  const exportAll = async () => {
    try {
      const response = await requestRaw('/users/export');
      download('users.csv', await response.blob());
    } catch (error) {
      toasts.failure(error);
    }
  };

  return (
    <PageFrame title={t('users.title')}>
      <DataTable<User>
        label={t('users.title')}
        path="/users"
        columns={columns}
        sort="username"
        nameOf={(user) => user.username ?? ''}
        filters={[
          { name: 'role', label: t('field.role'), options: ROLES.map((value) => ({ value, label: word('role', value) })) },
          { name: 'department_ids', label: t('field.department'), from: '/departments' },
        ]}
        details={(user) => [
          [t('field.email'), user.email],
          [t('field.language'), word('language', user.language)],
          [t('field.departments'), user.department_names],
          [t('field.sessions'), user.open_sessions ? <Link to={`/sessions?state=open&search=${name(user)}`}>{number(user.open_sessions)}</Link> : number(0)],
          [t('field.desktops'), <Link key="desktops" to={`/desktops?search=${name(user)}`}>{t('users.desktops')}</Link>],
          [t('templates.takes'), user.disk_bytes ? bytes(user.disk_bytes) : '–'],
          [t('field.must-change'), t(user.must_change ? 'field.yes' : 'field.no')],
          [t('field.locked'), user.locked_until ? date(user.locked_until) : t('field.no')],
          [t('field.last-login'), date(user.last_login)],
          [t('field.created'), date(user.created)],
        ]}
        {...(admin
          ? {
              actions: (user: User) => [
                { title: t('act.edit'), onClick: () => edit(user) },
                { title: t('users.reset'), onClick: () => void reset(user) },
                user.enabled
                  ? { title: t('users.disable'), onClick: () => askDisable([user], () => undefined) }
                  : { title: t('users.enable'), onClick: () => void enable([user], true).catch(toasts.failure) },
                {
                  title: t('act.delete'),
                  isDanger: true,
                  onClick: () =>
                    acts.askDelete({
                      path: `/users/${user.id}`,
                      name: user.username ?? '',
                      text: t('users.delete-text'),
                      version: user.version,
                      typeName: true,
                    }),
                },
              ],
              bulk: (rows: User[], done: () => void) => (
                <>
                  <ToolbarItem>
                    <Button variant="secondary" onClick={() => void enable(rows, true).then(done).catch(toasts.failure)}>
                      {t('users.enable')}
                    </Button>
                  </ToolbarItem>
                  <ToolbarItem>
                    <Button variant="secondary" onClick={() => askDisable(rows, done)}>
                      {t('users.disable')}
                    </Button>
                  </ToolbarItem>
                </>
              ),
              toolbar: (
                <>
                  <ToolbarItem>
                    <Button variant="secondary" onClick={() => void exportAll()}>
                      {t('act.export')}
                    </Button>
                  </ToolbarItem>
                  <ToolbarItem>
                    <Button variant="secondary" onClick={() => acts.show(<ImportDialog onClose={acts.close} />)}>
                      {t('act.import')}
                    </Button>
                  </ToolbarItem>
                  <ToolbarItem>
                    <Button onClick={add}>{t('users.add')}</Button>
                  </ToolbarItem>
                </>
              ),
            }
          : {})}
      />
      {acts.dialog}
    </PageFrame>
  );
}
