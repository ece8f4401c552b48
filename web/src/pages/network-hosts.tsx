import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { Network, NetworkHost, Page } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem';
import { StateLabel } from '../ui/state-label';

/** How a network is on each host, and what was put right there last. */
export function NetworkHostsDialog({ network, onClose }: { network: Network; onClose: () => void }) {
  const { t, date, said } = useI18n();
  const { data, error } = useGet<Page<NetworkHost>>(`/networks/${network.id}/hosts?limit=1000&sort=host_name`);
  return (
    <Dialog title={`${t('networks.hosts')}: ${network.name ?? ''}`} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
      <ProblemAlert error={error} />
      {data?.items.length === 0 && <p>{t('table.empty')}</p>}
      {(data?.items.length ?? 0) > 0 && (
        <Table aria-label={t('networks.hosts')} variant="compact">
          <Thead>
            <Tr>
              <Th>{t('field.host')}</Th>
              <Th>{t('field.state')}</Th>
              <Th>{t('field.error')}</Th>
              <Th>{t('networks.repaired')}</Th>
            </Tr>
          </Thead>
          <Tbody>
            {data?.items.map((row) => (
              <Tr key={row.id}>
                <Td dataLabel={t('field.host')}>{row.host_name}</Td>
                <Td dataLabel={t('field.state')}>
                  <StateLabel of="network-host" state={row.state} />
                </Td>
                <Td dataLabel={t('field.error')}>{said(row.error)}</Td>
                <Td dataLabel={t('networks.repaired')}>{row.repaired && `${date(row.repaired_at)}: ${row.repaired}`}</Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      )}
    </Dialog>
  );
}
