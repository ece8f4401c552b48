// Names and values of one record, one below the other; and a dialog that shows what a table has no room for.
import { Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { useI18n } from '../i18n';
import { Dialog } from './dialog';

export type Fact = [label: string, value: ReactNode];

const nothing = (value: ReactNode) => value === null || value === undefined || value === '' || value === false;

export function Facts({ rows }: { rows: Fact[] }) {
  return (
    <DescriptionList isCompact isHorizontal className="yd-facts">
      {rows.map(([label, value]) => (
        <DescriptionListGroup key={label}>
          <DescriptionListTerm>{label}</DescriptionListTerm>
          <DescriptionListDescription>{nothing(value) ? '–' : value}</DescriptionListDescription>
        </DescriptionListGroup>
      ))}
    </DescriptionList>
  );
}

export function FactsDialog({ title, rows, onClose }: { title: string; rows: Fact[]; onClose: () => void }) {
  const { t } = useI18n();
  return (
    <Dialog title={title} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
      <Facts rows={rows} />
    </Dialog>
  );
}
