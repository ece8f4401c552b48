import type { Audit } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { PageFrame } from '../ui/page';

/** "name: value" of what an act noted; what is empty says nothing. */
function Details({ of }: { of: unknown }) {
  if (typeof of !== 'object' || of === null) return null;
  const pairs = Object.entries(of).filter(([, value]) => value !== null && value !== '');
  return (
    <ul className="yd-details">
      {pairs.map(([name, value]) => (
        <li key={name}>
          {name}: {typeof value === 'object' ? JSON.stringify(value) : String(value)}
        </li>
      ))}
    </ul>
  );
}

export default function AuditPage() {
  const { t, date } = useI18n();
  return (
    <PageFrame title={t('audit.title')}>
      <DataTable<Audit>
        label={t('audit.title')}
        path="/audit"
        sort="-time"
        nameOf={(row) => row.act ?? ''}
        columns={[
          { key: 'time', label: t('field.time'), nowrap: true, sortable: true, render: (row) => date(row.time) },
          { key: 'username', label: t('field.owner'), render: (row) => row.username ?? '–' },
          { key: 'act', label: t('field.act'), render: (row) => row.act },
          { key: 'object_name', label: t('field.object'), render: (row) => row.object_name ?? row.object_id ?? '–' },
          { key: 'outcome', label: t('field.outcome'), render: (row) => row.outcome },
          { key: 'address', label: t('field.address'), render: (row) => row.address ?? '–' },
          {
            key: 'details',
            label: t('field.details'),
            render: (row) => <Details of={row.details} />,
          },
        ]}
      />
    </PageFrame>
  );
}
