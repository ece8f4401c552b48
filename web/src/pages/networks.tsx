import { Button, ToolbarItem } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link } from 'react-router-dom';
import { patch, post } from '../api/client';
import type { Address, Job, Network, Page } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { Dialog } from '../ui/dialog';
import { FormDialog, type Field } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';
import { NetworkHostsDialog } from './network-hosts';

function AddressesDialog({ network, onClose }: { network: Network; onClose: () => void }) {
  const { t, date, number } = useI18n();
  const { data, error } = useGet<Page<Address>>(`/networks/${network.id}/addresses?limit=1000&sort=ip_number&total=true`);
  return (
    <Dialog title={`${t('networks.addresses')}: ${network.name ?? ''}`} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
      <ProblemAlert error={error} />
      {data?.items.length === 0 && <p>{t('table.empty')}</p>}
      {(data?.items.length ?? 0) > 0 && (
        <Table aria-label={t('networks.addresses')} variant="compact">
          <Thead>
            <Tr>
              <Th>{t('field.ip')}</Th>
              <Th>{t('field.mac')}</Th>
              <Th>{t('field.desktop')}</Th>
              <Th>{t('field.created')}</Th>
            </Tr>
          </Thead>
          <Tbody>
            {data?.items.map((row) => (
              <Tr key={row.id}>
                <Td dataLabel={t('field.ip')}>{row.ip}</Td>
                <Td dataLabel={t('field.mac')}>{row.mac}</Td>
                <Td dataLabel={t('field.desktop')}>
                  <Link to={`/desktops/${row.desktop_id}`}>{row.desktop_name}</Link>
                </Td>
                <Td dataLabel={t('field.created')}>{date(row.created)}</Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      )}
      {data?.next && <p>{t('networks.addresses-more', { shown: number(data.items.length), count: number(data.total ?? 0) })}</p>}
    </Dialog>
  );
}

export default function NetworksPage() {
  const { t, number, date, said } = useI18n();
  const acts = useActs();
  const toasts = useToasts();
  const fields: Field[] = [
    { name: 'name', label: t('field.name'), required: true },
    { name: 'cidr', label: t('field.cidr'), required: true, help: '10.99.0.0/24' },
    { name: 'gateway', label: t('field.gateway') },
    { name: 'range_first', label: t('field.range-first') },
    { name: 'range_last', label: t('field.range-last') },
    { name: 'vlan', label: t('field.vlan'), kind: 'number', help: t('networks.vlan-text') },
    { name: 'vni', label: t('field.vni'), kind: 'number', help: t('networks.vni-text') },
    { name: 'isolated', label: t('field.isolated'), kind: 'switch', help: t('networks.isolated-text') },
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
        title={`${t('act.edit')}: ${row.name ?? ''}`}
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
          { key: 'error', label: t('field.error'), render: (row) => said(row.error) },
        ]}
        details={(row) => [
          [t('field.range-first'), row.range_first],
          [t('field.range-last'), row.range_last],
          [t('field.vlan'), row.vlan ? String(row.vlan) : undefined],
          [t('field.vni'), row.vni ? String(row.vni) : undefined],
          [t('field.isolated'), row.isolated ? t('networks.isolated-text') : undefined],
          [t('field.bridge'), row.bridge],
          [t('field.pools'), number(row.pools ?? 0)],
          [t('field.error'), said(row.error)],
          [t('field.created'), date(row.created)],
        ]}
        actions={(row) => [
          { title: t('networks.addresses'), onClick: () => acts.show(<AddressesDialog network={row} onClose={acts.close} />) },
          { title: t('networks.hosts'), onClick: () => acts.show(<NetworkHostsDialog network={row} onClose={acts.close} />) },
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
