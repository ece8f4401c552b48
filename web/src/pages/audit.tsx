import { useMemo } from 'react';
import type { Audit } from '../data/types';
import { useI18n } from '../i18n';
import { en } from '../i18n/en';
import { DataTable, type Column } from '../ui/data-table';
import { PageFrame } from '../ui/page';
import { SmallLabel } from '../ui/small-label';

const KINDS = Object.keys(en)
  .filter((key) => key.startsWith('noun.'))
  .map((key) => key.slice('noun.'.length));
const OUTCOMES = Object.keys(en)
  .filter((key) => key.startsWith('error.code.'))
  .map((key) => key.slice('error.code.'.length))
  .filter((code) => code !== 'offline'); // the console's own

/** Of every record that is made; the row says it already. */
const NOISE = ['id', 'created', 'changed', 'version'];

/** Fields whose values are words of the server, not what somebody typed. */
const WORDS = ['state', 'role', 'mode', 'access', 'firmware', 'os', 'os_type', 'devices', 'language', 'protocol', 'wanted', 'kind'];
/** And those whose values are its texts. */
const TEXTS = ['agent', 'error', 'reason'];

/** A value as words: of a change, what was and what is. */
function useShown() {
  const { t, said, saidWord, member } = useI18n();
  const shown = (name: string, value: unknown, empty = '–'): string => {
    if (value === null || value === undefined || value === '') return empty;
    if (typeof value === 'boolean') return t(value ? 'field.yes' : 'field.no');
    if (Array.isArray(value) && value.length === 2) return value.map((one) => shown(name, one)).join(' → ');
    if (Array.isArray(value)) return value.map((one) => shown(name, one)).join(', ');
    if (typeof value === 'object') return Object.entries(value).map(([key, one]) => `${member(key)}: ${shown(key, one)}`).join(', ');
    if (name === 'policy' && typeof value === 'string' && value.startsWith('{')) return policy(value);
    if (WORDS.includes(name)) return saidWord(String(value));
    return TEXTS.includes(name) ? said(saidWord(String(value))) : String(value);
  };
  const policy = (text: string): string => {
    try {
      return shown('policy', JSON.parse(text) as unknown);
    } catch {
      return text;
    }
  };
  return shown;
}

/** "name: value" of what an act noted; what is empty says nothing. */
function Details({ of }: { of: unknown }) {
  const { t, member } = useI18n();
  const shown = useShown();
  if (typeof of !== 'object' || of === null) return null;
  const pairs = Object.entries(of).filter(([name, value]) => value !== null && value !== '' && !NOISE.includes(name));
  return (
    <ul className="yd-details">
      {pairs.map(([name, value]) => (
        <li key={name}>
          {t('error.field', { field: member(name), detail: shown(name, value) })}
        </li>
      ))}
    </ul>
  );
}

function Outcome({ of }: { of: string | null | undefined }) {
  const { t, word, language } = useI18n();
  if (of === 'ok') return <SmallLabel color="green">{t('audit.ok')}</SmallLabel>;
  return (
    <SmallLabel color="red" title={word('error.code', of)}>
      {language === 'en' ? of : word('error.code', of)}
    </SmallLabel>
  );
}

function useColumns(): Column<Audit>[] {
  const { t, word, date } = useI18n();
  return useMemo(
    () => [
      { key: 'time', label: t('field.time'), nowrap: true, sortable: true, render: (row) => date(row.time) },
      { key: 'username', label: t('field.owner'), render: (row) => row.username ?? '–' },
      { key: 'act', label: t('field.act'), render: (row) => word('audit.act', row.act) },
      { key: 'object_name', label: t('field.object'), render: (row) => row.object_name ?? row.object_id ?? '–' },
      { key: 'outcome', label: t('field.outcome'), render: (row) => <Outcome of={row.outcome} /> },
      {
        key: 'details',
        label: t('field.details'),
        render: (row) => <Details of={row.details} />,
      },
    ],
    [t, word, date],
  );
}

export default function AuditPage() {
  const { t, date, word, language } = useI18n();
  const columns = useColumns();
  return (
    <PageFrame title={t('audit.title')}>
      <DataTable<Audit>
        label={t('audit.title')}
        path="/audit"
        sort="-time"
        nameOf={(row) => row.act ?? ''}
        details={(row) => [
          [t('field.time'), date(row.time)],
          [t('field.owner'), row.username],
          [t('field.address'), row.address],
          [t('field.act'), word('audit.act', row.act)],
          [t('field.object'), row.object_name ?? row.object_id],
          [t('field.outcome'), <Outcome key="outcome" of={row.outcome} />],
          [t('field.request'), row.request_id],
          [t('field.details'), <Details key="details" of={row.details} />],
        ]}
        filters={[
          { name: 'object_kind', label: t('field.object'), options: KINDS.map((value) => ({ value, label: word('noun', value) })) },
          { name: 'outcome', label: t('field.outcome'), options: [{ value: 'ok', label: t('audit.ok') }, ...OUTCOMES.map((value) => ({ value, label: language === 'en' ? value : word('error.code', value) }))] },
        ]}
        columns={columns}
      />
    </PageFrame>
  );
}
