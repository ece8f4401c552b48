// A table that the server pages, sorts and filters: ten thousand rows cost as much as ten. What is
// looked for stands in the address of the page, so that a link leads to the same view.
import {
  Button,
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
import { Table, Th, Thead, Tr, type IAction } from '@patternfly/react-table';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router-dom';
import { queryString } from '../api/client';
import { pageOf } from '../data/lists';
import type { Page } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { FactsDialog, type Fact } from './facts';
import { useOptions, type Choice } from './pick';
import { ProblemAlert } from './problem';
import { Check, TableRows, useNewest, type Column } from './table-rows';

export type { Column } from './table-rows';

export interface Filter {
  name: string;
  label: string;
  options?: Choice[];
  /** The server's list that the choices are, e.g. "/pools". Read by the filter alone, so that the table is not drawn again. */
  from?: string;
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

const NONE: Set<string> = new Set();
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

interface FilterBoxProps {
  filter: Filter;
  value: string;
  onChange: (value: string) => void;
  /** Whether the rows are there: the choices can wait for them. */
  ready: boolean;
}

function FilterBox({ filter, value, onChange, ready }: FilterBoxProps) {
  const { t } = useI18n();
  const read = useOptions((ready && filter.from) || null);
  return (
    <FormSelect aria-label={filter.label} value={value} onChange={(_, next) => onChange(next)}>
      <FormSelectOption value="" label={`${filter.label}: ${t('table.all')}`} />
      {(filter.options ?? read).map((option) => (
        <FormSelectOption key={option.value} value={option.value} label={option.label} />
      ))}
    </FormSelect>
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

/** State that belongs to one question: with another one it begins anew, at once, so that no page of the old one is asked for. */
function useStateOf<S>(asked: string, first: S): [S, (next: S | ((before: S) => S)) => void] {
  const [held, setHeld] = useState({ asked, value: first });
  const set = (next: S | ((before: S) => S)) =>
    setHeld((before) => {
      const value = before.asked === asked ? before.value : first;
      return { asked, value: next instanceof Function ? next(value) : next };
    });
  return [held.asked === asked ? held.value : first, set];
}

export function DataTable<T extends { id?: string | null }>(props: DataTableProps<T>) {
  const { t, number, date } = useI18n();
  const filters = props.filters ?? [];
  const times = (props.times ?? []).flatMap(({ name, label }) => [
    { name: `${name}_from`, label: `${label} ≥` },
    { name: `${name}_to`, label: `${label} <` },
  ]);
  const view = useView([...filters, ...times], props.sort ?? '');
  const [looked, setLooked] = useState<string>();
  const query = { ...props.fixed, ...view.filters, search: view.search, sort: view.sort };
  const asked = queryString(query);
  const [cursors, setCursors] = useStateOf<string[]>(asked, []);
  const [chosen, setChosen] = useStateOf<Set<string>>(asked, NONE);

  const cursor = cursors.at(-1);
  const path = pageOf(props.path, query, cursor);
  const { data: fresh, error, loading, reload } = useGet<Page<T>>(path);
  // While another page or search is read, the rows before stay: calmer than an empty table.
  const shown = useRef<Page<T>>();
  if (fresh) shown.current = fresh;
  const data = fresh ?? (error && !loading ? undefined : shown.current);
  const rows = data?.items ?? [];
  const lookedAt = looked === undefined ? undefined : rows.find((row) => row.id === looked);
  const actsOf = useNewest((row: T): IAction[] => [
    ...(props.details ? [{ title: t('field.details'), onClick: () => setLooked(row.id ?? '') }] : []),
    ...(props.actions?.(row) ?? []),
  ]);
  const hasActs = props.actions !== undefined || props.details !== undefined;
  const selected = rows.filter((row) => chosen.has(row.id ?? ''));
  const allChosen = rows.length > 0 && selected.length === rows.length;

  const choose = useNewest((row: T, on: boolean) =>
    setChosen((before) => {
      const next = new Set(before);
      if (on) next.add(row.id ?? '');
      else next.delete(row.id ?? '');
      return next;
    }),
  );
  const sortOf = (key: string, index: number) => ({
    sortBy: {
      index: props.columns.findIndex((column) => column.key === view.sort.replace('-', '')),
      direction: view.sort.startsWith('-') ? ('desc' as const) : ('asc' as const),
    },
    columnIndex: index,
    onSort: (_: unknown, __: number, direction: 'asc' | 'desc') => view.set('sort', direction === 'desc' ? `-${key}` : key),
  });

  // Drawn again only when something in them is new: not while the next page is read, not for what the page around has
  // to say. A page whose columns stay the same array gains by it.
  const nameOf = useNewest(props.nameOf);
  const body = useMemo(
    () => (
      <TableRows
        rows={rows}
        columns={props.columns}
        nameOf={nameOf}
        chosen={props.bulk && chosen}
        choose={choose}
        actions={hasActs ? actsOf : undefined}
      />
    ),
    [data, props.columns, chosen, hasActs, !props.bulk, t],
  );
  const table = (
    <Table aria-label={props.label} variant="compact" gridBreakPoint="grid-md">
      <Thead>
        <Tr>
          {props.bulk && (
            <Th screenReaderText={t('table.select-all')}>
              <Check
                id="select-all"
                label={t('table.select-all')}
                checked={allChosen}
                onChange={(on) => setChosen(new Set(on ? rows.map((row) => row.id ?? '') : []))}
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
      {body}
    </Table>
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
              <FilterBox
                filter={filter}
                value={view.filters[filter.name] ?? ''}
                onChange={(value) => view.set(filter.name, value)}
                ready={data !== undefined}
              />
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
      {!data && !error && <Skeleton height="12rem" screenreaderText={t('app.loading')} />}
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
            {data?.total !== undefined && data.total > 0 && t('table.rows', { count: number(data.total) })}
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
