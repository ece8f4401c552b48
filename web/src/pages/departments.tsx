import { Button, List, ListItem, ToolbarItem } from '@patternfly/react-core';
import { patch, post, remove } from '../api/client';
import { useRole } from '../data/session';
import type { Department, Membership, Page } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { Dialog } from '../ui/dialog';
import { FormDialog, type Field } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { useOptions } from '../ui/pick';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';

function PeopleDialog({ department, kind, onClose }: { department: Department; kind: 'members' | 'managers'; onClose: () => void }) {
  const { t } = useI18n();
  const admin = useRole() === 'admin';
  const toasts = useToasts();
  const acts = useActs();
  const path = `/departments/${department.id}/${kind}`;
  const { data, reload } = useGet<Page<Membership>>(`${path}?limit=1000`);
  const people = kind === 'managers' ? '/users?role=manager,admin' : '/users';
  const title = t(kind === 'members' ? 'departments.members' : 'departments.managers', { name: department.name ?? '' });
  const addTitle = t(kind === 'members' ? 'departments.add-member' : 'departments.add-manager');

  const drop = async (row: Membership) => {
    try {
      await remove(`${path}/${row.user_id}`);
      reload();
    } catch (error) {
      toasts.failure(error);
    }
  };
  const add = () =>
    acts.show(
      <FormDialog
        title={addTitle}
        fields={[{ name: 'user_id', label: t('field.owner'), kind: 'search', path: people, required: true }]}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={async (values) => {
          await post(path, values);
          reload();
        }}
      />,
    );
  if (acts.dialog) return <>{acts.dialog}</>;
  return (
    <Dialog title={title} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
      <List isPlain isBordered>
        {(data?.items ?? []).map((row) => (
          <ListItem key={row.id}>
            <span className="yd-head">
              {row.username} – {row.user_name}
              {admin && (
                <Button variant="link" isDanger onClick={() => void drop(row)}>
                  {t('act.remove')}
                </Button>
              )}
            </span>
          </ListItem>
        ))}
      </List>
      {data?.items.length === 0 && <p>{t('table.empty')}</p>}
      {admin && (
        <Button variant="secondary" onClick={add}>
          {addTitle}
        </Button>
      )}
    </Dialog>
  );
}

export default function DepartmentsPage() {
  const { t, number } = useI18n();
  const admin = useRole() === 'admin';
  const acts = useActs();
  const networks = useOptions(admin ? '/networks' : null);
  const fields: Field[] = [
    { name: 'number', label: t('field.number'), required: true },
    { name: 'name', label: t('field.name'), required: true },
    { name: 'unit', label: t('field.unit') },
    { name: 'founded', label: t('field.founded'), kind: 'number' },
    { name: 'network_id', label: t('field.network'), kind: 'choice', options: [{ value: '', label: '–' }, ...networks] },
  ];
  const edit = (row: Department) =>
    acts.show(
      <FormDialog
        editing
        title={`${t('act.edit')}: ${row.name ?? ''}`}
        fields={fields}
        start={{ ...row, founded: row.founded || null } as never}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={(values, version) => patch(`/departments/${row.id}`, values, version ?? row.version)}
      />,
    );
  const add = () =>
    acts.show(
      <FormDialog
        title={t('departments.add')}
        fields={fields}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={(values) => post('/departments', values)}
      />,
    );
  const people = (row: Department, kind: 'members' | 'managers') =>
    acts.show(<PeopleDialog department={row} kind={kind} onClose={acts.close} />);

  return (
    <PageFrame title={t('departments.title')}>
      <DataTable<Department>
        label={t('departments.title')}
        path="/departments"
        sort="number"
        nameOf={(row) => row.name ?? ''}
        empty={t('departments.empty')}
        columns={[
          { key: 'number', label: t('field.number'), sortable: true, render: (row) => row.number },
          { key: 'name', label: t('field.name'), sortable: true, render: (row) => row.name },
          { key: 'unit', label: t('field.unit'), render: (row) => row.unit },
          { key: 'founded', label: t('field.founded'), render: (row) => row.founded || '–' },
          { key: 'members', label: t('field.members'), render: (row) => number(row.members ?? 0) },
          { key: 'managers', label: t('field.managers'), render: (row) => number(row.managers ?? 0) },
          { key: 'network_name', label: t('field.network'), render: (row) => row.network_name ?? '–' },
        ]}
        actions={(row) => [
          { title: t('field.members'), onClick: () => people(row, 'members') },
          { title: t('field.managers'), onClick: () => people(row, 'managers') },
          ...(admin
            ? [
                { title: t('act.edit'), onClick: () => edit(row) },
                {
                  title: t('act.delete'),
                  isDanger: true,
                  onClick: () =>
                    acts.askDelete({
                      path: `/departments/${row.id}`,
                      name: row.name ?? '',
                      text: t('departments.delete-text'),
                      version: row.version,
                    }),
                },
              ]
            : []),
        ]}
        toolbar={
          admin && (
            <ToolbarItem>
              <Button onClick={add}>{t('departments.add')}</Button>
            </ToolbarItem>
          )
        }
      />
      {acts.dialog}
    </PageFrame>
  );
}
