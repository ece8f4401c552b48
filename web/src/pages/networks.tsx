import { Button, ToolbarItem } from '@patternfly/react-core';
import { patch, post } from '../api/client';
import type { Job, Network } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { FormDialog, type Field } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';

export default function NetworksPage() {
  const { t, number } = useI18n();
  const acts = useActs();
  const toasts = useToasts();
  const fields: Field[] = [
    { name: 'name', label: t('field.name'), required: true },
    { name: 'cidr', label: t('field.cidr'), required: true, help: '10.99.0.0/24' },
    { name: 'gateway', label: t('field.gateway') },
    { name: 'range_first', label: t('field.range-first') },
    { name: 'range_last', label: t('field.range-last') },
  ];
  const add = () =>
    acts.show(
      <FormDialog
        title={t('networks.add')}
        fields={fields}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={async (values) => {
          const job = await post<Job>('/networks', values);
          void toasts.follow(job, String(values['name']));
        }}
      />,
    );
  const rename = (row: Network) =>
    acts.show(
      <FormDialog
        editing
        title={t('act.edit')}
        fields={fields.slice(0, 1)}
        start={row as never}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={(values, version) => patch(`/networks/${row.id}`, values, version ?? row.version)}
      />,
    );
  return (
    <PageFrame title={t('networks.title')}>
      <DataTable<Network>
        label={t('networks.title')}
        path="/networks"
        sort="name"
        nameOf={(row) => row.name ?? ''}
        empty={t('networks.empty')}
        columns={[
          { key: 'name', label: t('field.name'), sortable: true, render: (row) => row.name },
          { key: 'cidr', label: t('field.cidr'), render: (row) => row.cidr },
          { key: 'gateway', label: t('field.gateway'), render: (row) => row.gateway },
          {
            key: 'addresses_used',
            label: t('field.addresses'),
            render: (row) => `${number(row.addresses_used ?? 0)} / ${number(row.addresses_total ?? 0)}`,
          },
          { key: 'state', label: t('field.state'), render: (row) => <StateLabel of="network" state={row.state} /> },
          { key: 'error', label: t('field.error'), render: (row) => row.error ?? '' },
        ]}
        actions={(row) => [
          { title: t('act.edit'), onClick: () => rename(row) },
          {
            title: t('act.delete'),
            isDanger: true,
            onClick: () =>
              acts.askDelete({
                path: `/networks/${row.id}`,
                name: row.name ?? '',
                text: t('networks.delete-text'),
                version: row.version,
              }),
          },
        ]}
        toolbar={
          <ToolbarItem>
            <Button onClick={add}>{t('networks.add')}</Button>
          </ToolbarItem>
        }
      />
      {acts.dialog}
    </PageFrame>
  );
}
