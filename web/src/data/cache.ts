// The one data layer: what was read stays here by its path, shared by all parts of the page, and is
// read again when the server's event stream names its noun. Nothing polls.

import { ApiError, get } from '../api/client';

export interface Entry<T = unknown> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
}

interface Slot {
  entry: Entry;
  listeners: Set<() => void>;
  abort: AbortController | undefined;
  stale: boolean;
}

const EMPTY: Entry = { data: undefined, error: undefined, loading: false };
/** Slots without a reader that are kept for a quick way back. */
const KEPT = 60;

/** Nouns whose change makes a path stale, by the first part of the path. */
const NOUNS: Record<string, string[]> = {
  me: ['desktop', 'pool', 'entitlement', 'membership', 'template', 'user', 'login'],
  users: ['user', 'membership'],
  departments: ['department', 'membership', 'managership', 'user'],
  templates: ['template', 'template_version', 'desktop'],
  'template-versions': ['template_version', 'pool'],
  media: ['media'],
  networks: ['network', 'pool', 'desktop'],
  pools: ['pool', 'entitlement', 'desktop'],
  desktops: ['desktop', 'connection', 'personal_disk'],
  'personal-disks': ['personal_disk', 'desktop', 'pool'],
  'restore-points': ['restore_point', 'desktop', 'personal_disk'],
  backups: ['backup'],
  'backup-status': ['backup'],
  rollouts: ['rollout', 'rollout_desktop'],
  connections: ['connection'],
  hosts: ['host', 'desktop'],
  gates: ['connection', 'audit'],
  jobs: ['job'],
  audit: ['audit'],
  settings: ['setting'],
  overview: ['user', 'department', 'desktop', 'host', 'job', 'connection', 'template', 'pool', 'entitlement', 'network'],
};

export function dependsOn(path: string, noun: string): boolean {
  const first = path.split(/[/?]/, 2)[1] ?? '';
  const plain = noun.replace('-', '_');
  if (path.includes('/versions')) return plain === 'template_version' || plain === 'template';
  return (NOUNS[first] ?? []).includes(plain);
}

export class Cache {
  private readonly slots = new Map<string, Slot>();

  constructor(private readonly fetcher: <T>(path: string, signal?: AbortSignal) => Promise<T> = get) {}

  read<T>(path: string): Entry<T> {
    return (this.slots.get(path)?.entry ?? EMPTY) as Entry<T>;
  }

  subscribe(path: string, listener: () => void): () => void {
    const slot = this.slot(path);
    slot.listeners.add(listener);
    if (slot.stale && !slot.entry.loading) void this.load(path);
    return () => {
      slot.listeners.delete(listener);
      this.trim();
    };
  }

  /** Reads again; the old value stays until the new one is there. */
  async load(path: string): Promise<void> {
    const slot = this.slot(path);
    slot.abort?.abort();
    const abort = new AbortController();
    slot.abort = abort;
    slot.stale = false;
    this.put(slot, { ...slot.entry, loading: true });
    try {
      const data = await this.fetcher<unknown>(path, abort.signal);
      if (slot.abort === abort) this.put(slot, { data, error: undefined, loading: false });
    } catch (error) {
      if (slot.abort !== abort) return;
      slot.stale = true;
      const shown = error instanceof ApiError ? error : new ApiError({ status: 0, code: 'internal', detail: String(error) });
      this.put(slot, { data: slot.entry.data, error: shown, loading: false });
    }
  }

  /** Reads what somebody will look at in a moment, unless it is here. */
  ahead(path: string): void {
    const slot = this.slot(path);
    if (slot.stale && !slot.entry.loading) void this.load(path);
  }

  /** What has readers is read again now, the rest when somebody looks. */
  invalidate(matches: (path: string) => boolean): void {
    for (const [path, slot] of this.slots) {
      if (!matches(path)) continue;
      slot.stale = true;
      if (slot.listeners.size > 0) void this.load(path);
    }
  }

  clear(): void {
    for (const slot of this.slots.values()) slot.abort?.abort();
    this.slots.clear();
  }

  private slot(path: string): Slot {
    let slot = this.slots.get(path);
    if (!slot) {
      slot = { entry: EMPTY, listeners: new Set(), abort: undefined, stale: true };
      this.slots.set(path, slot);
    }
    return slot;
  }

  private put(slot: Slot, entry: Entry): void {
    slot.entry = entry;
    for (const listener of [...slot.listeners]) listener();
  }

  private trim(): void {
    if (this.slots.size <= KEPT) return;
    for (const [path, slot] of this.slots) {
      if (slot.listeners.size === 0) this.slots.delete(path);
      if (this.slots.size <= KEPT) return;
    }
  }
}

export const cache = new Cache();
