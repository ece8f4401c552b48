// Choices out of the server's lists, for forms: id and name of up to a thousand rows.
import type { Page } from '../data/types';
import { useGet } from '../data/use-get';

interface Row {
  id?: string | null;
  name?: string | null;
  username?: string | null;
}

export interface Choice {
  value: string;
  label: string;
}

export function useOptions(path: string | null): Choice[] {
  const { data } = useGet<Page<Row>>(path === null ? null : `${path}${path.includes('?') ? '&' : '?'}limit=1000`);
  return (data?.items ?? []).map((row) => ({
    value: row.id ?? '',
    label: row.username ? `${row.username} – ${row.name ?? ''}` : (row.name ?? ''),
  }));
}
