import { Label } from '@patternfly/react-core';
import type { Audit } from '../data/types';
import { useI18n } from '../i18n';
import { en } from '../i18n/en';
import { DataTable } from '../ui/data-table';
import { PageFrame } from '../ui/page';

const KINDS = Object.keys(en)
  .filter((key) => key.startsWith('noun.'))
  .map((key) => key.slice('noun.'.length));
const OUTCOMES = Object.keys(en)
  .filter((key) => key.startsWith('error.code.'))
  .map((key) => key.slice('error.code.'.length))
  .filter((code) => code !== 'offline'); // the console's own

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

function Outcome({ of }: { of: string | null | undefined }) {
  const { t, word } = useI18n();
  if (of === 'ok')
    return (
      <Label color="green" isCompact>
        {t('audit.ok')}
      </Label>
    );
  return (
    <Label color="red" isCompact title={word('error.code', of)}>
      {of}
    </Label>
  );
}

export default function AuditPage() {
  const { t, date, word } = useI18n();
  return (
    <PageFrame title={t('audit.title')}>
      <DataTable<Audit>
        label={t('audit.title')}
        path="/audit"
        sort="-time"
        nameOf={(row) => row.act ?? ''}
        filters={[
          { name: 'object_kind', label: t('field.object'), options: KINDS.map((value) => ({ value, label: word('noun', value) })) },
          { name: 'outcome', label: t('field.outcome'), options: [{ value: 'ok', label: t('audit.ok') }, ...OUTCOMES.map((value) => ({ value, label: value }))] },
        ]}
        columns={[
          { key: 'time', label: t('field.time'), nowrap: true, sortable: true, render: (row) => date(row.time) },
          { key: 'username', label: t('field.owner'), render: (row) => row.username ?? '–' },
          { key: 'act', label: t('field.act'), render: (row) => word('audit.act', row.act) },
          { key: 'object_name', label: t('field.object'), render: (row) => row.object_name ?? row.object_id ?? '–' },
          { key: 'outcome', label: t('field.outcome'), render: (row) => <Outcome of={row.outcome} /> },
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
