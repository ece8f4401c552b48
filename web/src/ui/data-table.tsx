// A table that the server pages, sorts and filters: ten thousand rows cost as much as ten. What is
// looked for stands in the address of the page, so that a link leads to the same view.
import {
  Button,
  Checkbox,
  EmptyState,
  EmptyStateBody,
  FormSelect,
  FormSelectOption,
  Label,
  SearchInput,
  Skeleton,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr, type IAction } from '@patternfly/react-table';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router-dom';
import { queryString } from '../api/client';
import type { Page } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { FactsDialog, type Fact } from './facts';
import { ProblemAlert } from './problem';
import { RowMenu } from './row-menu';

export interface Column<T> {
  key: string;
  label: string;
  render: (row: T) => ReactNode;
  sortable?: boolean;
  /** Short text that reads badly in two lines, such as a time. */
  nowrap?: boolean;
}

export interface Filter {
  name: string;
  label: string;
  options: { value: string; label: string }[];
}

export interface DataTableProps<T> {
  label: string;
  path: string;
  columns: Column<T>[];
  nameOf: (row: T) => string;
  filters?: Filter[];
  /** Times that a link may narrow (NAME_from and NAME_to in the address), with the words for it. */
  times?: { name: string; label: string }[];
  /** Conditions that always hold, e.g. the pool whose page this is. */
  fixed?: Record<string, string>;
  searchable?: boolean;
  sort?: string;
  toolbar?: ReactNode;
  actions?: (row: T) => IAction[];
  /** All that is known of a row, for what the columns have no room for: the first act of its menu. */
  details?: (row: T) => Fact[];
  bulk?: (rows: T[], done: () => void) => ReactNode;
  /** What such rows are good for, said when there are none. */
  empty?: string;
}

const LIMIT = 50;
const TYPING_MS = 250;

/** The search text is asked for when the typing rests. */
function SearchBox({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onChange(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <SearchInput
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(_, next) => setText(next)}
      onClear={() => setText('')}
    />
  );
}

interface View {
  search: string;
  sort: string;
  filters: Record<string, string>;
  set: (name: string, value: string) => void;
  clear: () => void;
  any: boolean;
}

function useView(filters: { name: string }[], sort: string): View {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(filters.map((filter) => [filter.name, params.get(filter.name) ?? '']));
  const search = params.get('search') ?? '';
  return {
    search,
    sort: params.get('sort') ?? sort,
    filters: values,
    any: search !== '' || Object.values(values).some((value) => value !== ''),
    set: (name, value) =>
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          if (value === '') next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: true },
      ),
    clear: () => setParams({}, { replace: true }),
  };
}

export function DataTable<T extends { id?: string | null }>(props: DataTableProps<T>) {
  const { t, number, date } = useI18n();
  const filters = props.filters ?? [];
  const times = (props.times ?? []).flatMap(({ name, label }) => [
    { name: `${name}_from`, label: `${label} ≥` },
    { name: `${name}_to`, label: `${label} <` },
  ]);
  const view = useView([...filters, ...times], props.sort ?? '');
  const [cursors, setCursors] = useState<string[]>([]);
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [looked, setLooked] = useState<string>();
  const query = { ...props.fixed, ...view.filters, search: view.search, sort: view.sort };
  const asked = queryString(query);
  useEffect(() => {
    setCursors([]);
    setChosen(new Set());
  }, [asked]);

  const cursor = cursors.at(-1);
  const path = `${props.path}${queryString({ ...query, limit: LIMIT, total: true, cursor })}`;
  const { data: fresh, error, loading, reload } = useGet<Page<T>>(path);
  // While another page or search is read, the rows before stay: calmer than an empty table.
  const shown = useRef<Page<T>>();
  if (fresh) shown.current = fresh;
  const data = fresh ?? (loading ? shown.current : undefined);
  const rows = data?.items ?? [];
  const lookedAt = looked === undefined ? undefined : rows.find((row) => row.id === looked);
  const actsOf = (row: T): IAction[] => [
    ...(props.details ? [{ title: t('field.details'), onClick: () => setLooked(row.id ?? '') }] : []),
    ...(props.actions?.(row) ?? []),
  ];
  const hasActs = props.actions !== undefined || props.details !== undefined;
  const selected = rows.filter((row) => chosen.has(row.id ?? ''));
  const allChosen = rows.length > 0 && selected.length === rows.length;

  const choose = (row: T, on: boolean) =>
    setChosen((before) => {
      const next = new Set(before);
      if (on) next.add(row.id ?? '');
      else next.delete(row.id ?? '');
      return next;
    });
  const sortOf = (key: string, index: number) => ({
    sortBy: {
      index: props.columns.findIndex((column) => column.key === view.sort.replace('-', '')),
      direction: view.sort.startsWith('-') ? ('desc' as const) : ('asc' as const),
    },
    columnIndex: index,
    onSort: (_: unknown, __: number, direction: 'asc' | 'desc') => view.set('sort', direction === 'desc' ? `-${key}` : key),
  });

  // Drawn again only when something in it is new: not while the next page is read.
  const table = useMemo(
    () => (
      <Table aria-label={props.label} variant="compact" gridBreakPoint="grid-md">
        <Thead>
          <Tr>
            {props.bulk && (
              <Th screenReaderText={t('table.select-all')}>
                <Checkbox
                  id="select-all"
                  aria-label={t('table.select-all')}
                  isChecked={allChosen}
                  onChange={(_, on) => setChosen(new Set(on ? rows.map((row) => row.id ?? '') : []))}
                />
              </Th>
            )}
            {props.columns.map((column, index) => (
              <Th key={column.key} modifier="nowrap" {...(column.sortable ? { sort: sortOf(column.key, index) } : {})}>
                {column.label}
              </Th>
            ))}
            {hasActs && <Th screenReaderText={t('act.more')} />}
          </Tr>
        </Thead>
        <Tbody>
          {rows.map((row) => (
            <Tr key={row.id}>
              {props.bulk && (
                <Td>
                  <Checkbox
                    id={`select-${row.id}`}
                    aria-label={t('table.select', { name: props.nameOf(row) })}
                    isChecked={chosen.has(row.id ?? '')}
                    onChange={(_, on) => choose(row, on)}
                  />
                </Td>
              )}
              {props.columns.map((column) => (
                <td
                  key={column.key}
                  className={`pf-v6-c-table__td${column.nowrap ? ' pf-m-nowrap' : ''}`}
                  data-label={column.label}
                  tabIndex={-1}
                >
                  {column.render(row)}
                </td>
              ))}
              {hasActs && (
                <Td isActionCell>
                  <RowMenu name={props.nameOf(row)} items={actsOf(row)} />
                </Td>
              )}
            </Tr>
          ))}
        </Tbody>
      </Table>
    ),
    [data, props, chosen, asked, t],
  );

  return (
    <>
      <Toolbar inset={{ default: 'insetNone' }}>
        <ToolbarContent>
          {props.searchable !== false && (
            <ToolbarItem>
              <SearchBox label={t('act.search')} value={view.search} onChange={(value) => view.set('search', value)} />
            </ToolbarItem>
          )}
          {filters.map((filter) => (
            <ToolbarItem key={filter.name}>
              <FormSelect
                aria-label={filter.label}
                value={view.filters[filter.name] ?? ''}
                onChange={(_, value) => view.set(filter.name, value)}
              >
                <FormSelectOption value="" label={`${filter.label}: ${t('table.all')}`} />
                {filter.options.map((option) => (
                  <FormSelectOption key={option.value} value={option.value} label={option.label} />
                ))}
              </FormSelect>
            </ToolbarItem>
          ))}
          {times
            .filter((it) => view.filters[it.name])
            .map((it) => (
              <ToolbarItem key={it.name} alignSelf="center">
                <Label closeBtnAriaLabel={`${t('act.remove')}: ${it.label}`} onClose={() => view.set(it.name, '')}>
                  {it.label} {date(view.filters[it.name])}
                </Label>
              </ToolbarItem>
            ))}
          {view.any && (
            <ToolbarItem>
              <Button variant="link" onClick={view.clear}>
                {t('act.clear')}
              </Button>
            </ToolbarItem>
          )}
          <ToolbarGroup align={{ default: 'alignEnd' }}>
            {props.bulk && selected.length > 0 && (
              <>
                <ToolbarItem alignSelf="center">{t('table.selected', { count: number(selected.length) })}</ToolbarItem>
                {props.bulk(selected, () => setChosen(new Set()))}
              </>
            )}
            {props.toolbar}
          </ToolbarGroup>
        </ToolbarContent>
      </Toolbar>
      {error && (
        <>
          <ProblemAlert error={error} />
          <Button variant="link" onClick={reload}>
            {t('app.retry')}
          </Button>
        </>
      )}
      {!data && loading && <Skeleton height="12rem" screenreaderText={t('app.loading')} />}
      {data && rows.length === 0 && (
        <EmptyState titleText={t(view.any ? 'table.no-match' : 'table.empty')} headingLevel="h2">
          {!view.any && props.empty && <EmptyStateBody>{props.empty}</EmptyStateBody>}
        </EmptyState>
      )}
      {rows.length > 0 && (
        <div className="yd-scroll" tabIndex={0} role="region" aria-label={props.label} aria-busy={!fresh}>
          {table}
        </div>
      )}
      {lookedAt && props.details && (
        <FactsDialog title={props.nameOf(lookedAt)} rows={props.details(lookedAt)} onClose={() => setLooked(undefined)} />
      )}
      <Toolbar inset={{ default: 'insetNone' }}>
        <ToolbarContent>
          <ToolbarItem alignSelf="center">
            {data?.total !== undefined && t('table.rows', { count: number(data.total) })}
          </ToolbarItem>
          <ToolbarGroup align={{ default: 'alignEnd' }}>
            {(cursors.length > 0 || data?.next) && (
              <>
                <Button variant="secondary" isDisabled={cursors.length === 0} onClick={() => setCursors((all) => all.slice(0, -1))}>
                  {t('act.previous')}
                </Button>
                <Button
                  variant="secondary"
                  isDisabled={!data?.next}
                  onClick={() => data?.next && setCursors((all) => [...all, data.next ?? ''])}
                >
                  {t('act.next')}
                </Button>
              </>
            )}
          </ToolbarGroup>
        </ToolbarContent>
      </Toolbar>
    </>
  );
}
