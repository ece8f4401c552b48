// Chooses one row of a long list by typing: the server searches, so ten thousand people are as quick as ten. Arrow keys,
// Enter and Escape work as in any combobox (WAI-ARIA 1.2).
import { MenuToggle, Select, SelectList, SelectOption, TextInputGroup, TextInputGroupMain } from '@patternfly/react-core';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { queryString } from '../api/client';
import type { Page } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';

interface Row {
  id?: string | null;
  name?: string | null;
  username?: string | null;
  number?: string | null;
}

const SHOWN = 20;
const TYPING_MS = 150;

export const rowLabel = (row: Row) => (row.username ? `${row.username} – ${row.name ?? ''}` : (row.name ?? ''));

/** The text as it was when the typing rested. */
function useRested(text: string): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}

function useFound(path: string, text: string, open: boolean) {
  const search = useRested(text);
  const asked = `${path}${queryString({ search, limit: SHOWN, total: true }).replace('?', path.includes('?') ? '&' : '?')}`;
  const { data: fresh, error } = useGet<Page<Row>>(open ? asked : null);
  const shown = useRef<Page<Row>>();
  if (fresh) shown.current = fresh; // what was found before stays until the next is there
  return { page: fresh ?? shown.current, current: search === text && fresh !== undefined, error };
}

export interface SearchPickerProps {
  id: string;
  label: string;
  /** The list of the API that is searched, e.g. /users?enabled=true. */
  path: string;
  value: string;
  invalid: boolean;
  onChange: (id: string) => void;
}

export function SearchPicker({ id, label, path, value, invalid, onChange }: SearchPickerProps) {
  const { t, number } = useI18n();
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const searched = value === '' ? text : '';
  const { page, current, error } = useFound(path, searched, open);
  const rows = page?.items ?? [];
  const rest = Math.max(0, (page?.total ?? 0) - rows.length);
  const optionId = (index: number) => `${id}-option-${index}`;

  useEffect(() => setActive((at) => Math.min(at, rows.length - 1)), [rows.length]);

  const close = () => {
    setOpen(false);
    setActive(-1);
  };
  const choose = (row: Row | undefined) => {
    if (!row) return;
    setText(rowLabel(row));
    onChange(row.id ?? '');
    close();
  };
  const type = (next: string) => {
    setText(next);
    setActive(next.trim() === '' ? -1 : 0);
    setOpen(true);
    if (value !== '') onChange('');
  };
  const move = (by: number) => {
    if (!open) setOpen(true);
    else if (rows.length > 0) setActive((at) => (at + by + rows.length) % rows.length);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(active < 0 ? 0 : -1);
    else if (event.key === 'Enter' && open) {
      if (current) choose(rows[active]);
    } else if (event.key === 'Escape' && open) {
      close();
      event.stopPropagation(); // the dialog stays
      event.nativeEvent.stopImmediatePropagation();
    } else {
      if (event.key === 'Tab') close();
      return;
    }
    event.preventDefault();
  };

  return (
    <Select
      isOpen={open}
      isScrollable
      maxMenuHeight="16rem"
      variant="typeahead"
      shouldFocusFirstItemOnOpen={false}
      onOpenChange={(next) => !next && close()}
      onSelect={(_, chosen) => choose(rows.find((row) => row.id === chosen))}
      popperProps={{ appendTo: 'inline' }}
      toggle={(ref) => (
        <MenuToggle
          innerRef={ref}
          variant="typeahead"
          aria-label={t('act.open')}
          isFullWidth
          isExpanded={open}
          {...(invalid ? { status: 'danger' as const } : {})}
          onClick={() => {
            setOpen(!open);
            input.current?.focus();
          }}
        >
          <TextInputGroup isPlain>
            <TextInputGroupMain
              inputId={id}
              innerRef={input}
              value={text}
              autoComplete="off"
              placeholder={t('pick.type')}
              aria-label={label}
              role="combobox"
              isExpanded={open}
              aria-controls={`${id}-list`}
              {...(open && active >= 0 ? { 'aria-activedescendant': optionId(active) } : {})}
              onClick={() => setOpen(true)}
              onChange={(_, next) => type(next)}
              onKeyDown={onKey}
            />
          </TextInputGroup>
        </MenuToggle>
      )}
    >
      <SelectList id={`${id}-list`} aria-label={label}>
        {rows.map((row, index) => (
          <SelectOption
            key={row.id}
            id={optionId(index)}
            value={row.id}
            isFocused={index === active}
            isSelected={row.id === value}
            {...(row.number ? { description: row.number } : {})}
          >
            {rowLabel(row)}
          </SelectOption>
        ))}
        {rows.length === 0 && (
          <SelectOption isDisabled value="">
            {error ? t('error.title') : page ? t('table.no-match') : t('app.loading')}
          </SelectOption>
        )}
        {rest > 0 && (
          <SelectOption isDisabled value="">
            {t('pick.more', { count: number(rest) })}
          </SelectOption>
        )}
      </SelectList>
    </Select>
  );
}
