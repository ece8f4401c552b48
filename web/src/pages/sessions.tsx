import { Button, ToolbarItem } from '@patternfly/react-core';
import { useMemo } from 'react';
import { remove } from '../api/client';
import type { Connection } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable, type Column } from '../ui/data-table';
import { ConfirmDialog } from '../ui/dialog';
import { PageFrame } from '../ui/page';
import { QualityLabel } from '../ui/quality';
import { StateLabel } from '../ui/state-label';
import { useActs } from '../ui/use-acts';

const STATES = ['new', 'open', 'dropped', 'ended'];
const PROTOCOLS = ['rdp', 'spice', 'console', 'rdp-web'];
const CAUSES = ['delay', 'loss', 'jitter', 'bandwidth', 'server'];

function useColumns(): Column<Connection>[] {
  const { t, date, bytes, said } = useI18n();
  return useMemo(
    () => [
      { key: 'created', label: t('field.time'), nowrap: true, sortable: true, render: (row) => date(row.created) },
      { key: 'username', label: t('field.owner'), render: (row) => row.username },
      { key: 'desktop_name', label: t('field.name'), render: (row) => row.desktop_name },
      { key: 'protocol', label: t('field.protocol'), render: (row) => row.protocol },
      { key: 'client_address', label: t('field.address'), render: (row) => row.client_address },
      { key: 'state', label: t('field.state'), render: (row) => <StateLabel of="connection" state={row.state} /> },
      { key: 'bytes', label: t('field.traffic'), nowrap: true, render: (row) => `${bytes(row.bytes_up ?? 0)} / ${bytes(row.bytes_down ?? 0)}` },
      { key: 'score', label: t('field.quality'), sortable: true, render: (row) => <QualityLabel row={row} /> },
      { key: 'reason', label: t('field.details'), render: (row) => said(row.reason) },
    ],
    [t, date, bytes, said],
  );
}

export default function SessionsPage() {
  const { t, word, date, bytes, number, said } = useI18n();
  const acts = useActs();
  const columns = useColumns();
  const ms = (us: number | undefined) => (us ? `${number(us / 1000)} ms` : undefined);
  const cut = (rows: Connection[], done: () => void) =>
    acts.show(
      <ConfirmDialog
        title={`${t('connections.cut')}: ${rows.map((row) => row.desktop_name).join(', ')}`}
        text={t('connections.cut-text')}
        action={t('connections.cut')}
        onConfirm={async () => {
          for (const row of rows) await remove(`/connections/${row.id}`);
          done();
        }}
        onClose={acts.close}
      />,
    );
  return (
    <PageFrame title={t('connections.title')}>
      <DataTable<Connection>
        label={t('connections.title')}
        path="/connections"
        sort="-created"
        nameOf={(row) => row.desktop_name ?? ''}
        columns={columns}
        times={[{ name: 'last_seen', label: t('field.seen') }]}
        filters={[
          { name: 'state', label: t('field.state'), options: STATES.map((value) => ({ value, label: word('connection.state', value) })) },
          { name: 'department_ids', label: t('field.department'), from: '/departments' },
          { name: 'protocol', label: t('field.protocol'), options: PROTOCOLS.map((value) => ({ value, label: value })) },
          { name: 'score_reason', label: t('field.quality'), options: CAUSES.map((value) => ({ value, label: word('quality.short', value) })) },
        ]}
        details={(row) => [
          [t('field.owner'), row.username],
          [t('field.state'), <StateLabel key="state" of="connection" state={row.state} />],
          [t('field.details'), row.reason && said(word('reason', row.reason))],
          [t('field.time'), date(row.created)],
          [t('field.ended'), date(row.ended)],
          [t('field.address'), row.client_address],
          [t('field.gate'), row.gate],
          [t('field.quality'), <QualityLabel key="quality" row={row} />],
          [t('field.rtt'), ms(row.rtt_us)],
          [t('field.min-rtt'), ms(row.min_rtt_us)],
          [t('field.jitter'), ms(row.jitter_us)],
          [t('field.loss'), t('field.loss-text', { percent: number((row.loss_ppm ?? 0) / 10000), count: number(row.lost ?? 0) })],
          [t('field.queue'), ms(row.queue_us)],
          [t('field.rate'), row.rate ? bytes(row.rate) : undefined],
          [t('field.server-delay'), ms(row.server_us)],
          [t('field.first-picture'), row.first_picture_ms ? `${number(row.first_picture_ms)} ms` : undefined],
          [t('field.redeems'), number(row.redeems ?? 0)],
          [t('field.log-in'), word('log-in', row.log_in)],
        ]}
        actions={(row) =>
          row.state === 'ended' ? [] : [{ title: t('connections.cut'), isDanger: true, onClick: () => cut([row], () => undefined) }]
        }
        bulk={(rows, done) => (
          <ToolbarItem>
            <Button variant="secondary" onClick={() => cut(rows.filter((row) => row.state !== 'ended'), done)}>
              {t('connections.cut')}
            </Button>
          </ToolbarItem>
        )}
      />
      {acts.dialog}
    </PageFrame>
  );
}
