// The rows of a table, drawn of plain elements with PatternFly's classes: its components for rows, cells and checkboxes
// measure, number and wrap each one, which is most of the time of a page of fifty rows.
import { useRef, type ReactNode } from 'react';
import type { IAction } from '@patternfly/react-table';
import '@patternfly/react-styles/css/components/Check/check.css';
import { useI18n } from '../i18n';
import { RowMenu } from './row-menu';

export interface Column<T> {
  key: string;
  label: string;
  render: (row: T) => ReactNode;
  sortable?: boolean;
  /** Short text that reads badly in two lines, such as a time. */
  nowrap?: boolean;
}

interface CheckProps {
  id: string;
  label: string;
  checked: boolean;
  onChange: (on: boolean) => void;
}

export function Check({ id, label, checked, onChange }: CheckProps) {
  return (
    <input
      id={id}
      type="checkbox"
      className="pf-v6-c-check__input"
      aria-label={label}
      checked={checked}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

export interface TableRowsProps<T> {
  rows: T[];
  columns: Column<T>[];
  nameOf: (row: T) => string;
  /** The chosen rows' ids; without it there is nothing to choose. */
  chosen: Set<string> | undefined;
  choose: (row: T, on: boolean) => void;
  /** Of each row; asked again when its menu is opened. */
  actions: ((row: T) => IAction[]) | undefined;
}

export function TableRows<T extends { id?: string | null }>(props: TableRowsProps<T>) {
  const { t } = useI18n();
  const { rows, columns, nameOf, chosen, choose, actions } = props;
  return (
    <tbody className="pf-v6-c-table__tbody" role="rowgroup">
      {rows.map((row) => (
        <tr key={row.id} className="pf-v6-c-table__tr">
          {chosen && (
            <td className="pf-v6-c-table__td" tabIndex={-1}>
              <Check
                id={`select-${row.id}`}
                label={t('table.select', { name: nameOf(row) })}
                checked={chosen.has(row.id ?? '')}
                onChange={(on) => choose(row, on)}
              />
            </td>
          )}
          {columns.map((column) => (
            <td
              key={column.key}
              className={column.nowrap ? 'pf-v6-c-table__td pf-m-nowrap' : 'pf-v6-c-table__td'}
              data-label={column.label}
              tabIndex={-1}
            >
              {column.render(row)}
            </td>
          ))}
          {actions && (
            <td className="pf-v6-c-table__td pf-v6-c-table__action" tabIndex={-1}>
              {actions(row).length > 0 && <RowMenu name={nameOf(row)} items={() => actions(row)} />}
            </td>
          )}
        </tr>
      ))}
    </tbody>
  );
}

/** A function that stays the same one and calls the newest: what is drawn with it needs not be drawn again for it. */
export function useNewest<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
  const newest = useRef(call);
  newest.current = call;
  const steady = useRef((...args: A): R => newest.current(...args));
  return steady.current;
}
