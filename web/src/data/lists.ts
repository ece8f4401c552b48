// The addresses of long lists: how many rows a page has, and what a section's first click asks for.
import { queryString } from '../api/client';

const LIMIT = 50;

/** A page of a list, with the number of all rows; without a cursor the first one. */
export function pageOf(path: string, query: Record<string, string>, cursor?: string): string {
  return `${path}${queryString({ ...query, limit: LIMIT, total: true, cursor })}`;
}
