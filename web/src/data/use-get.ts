import { useCallback, useSyncExternalStore } from 'react';
import { cache, type Entry } from './cache';

const NOTHING: Entry = { data: undefined, error: undefined, loading: false };
const nobody = () => undefined;

/** Reads a path of the API and follows its changes; null reads nothing. */
export function useGet<T>(path: string | null): Entry<T> & { reload: () => void } {
  const subscribe = useCallback(
    (listener: () => void) => (path === null ? nobody : cache.subscribe(path, listener)),
    [path],
  );
  const snapshot = useCallback(() => (path === null ? NOTHING : cache.read(path)), [path]);
  const entry = useSyncExternalStore(subscribe, snapshot) as Entry<T>;
  const reload = useCallback(() => {
    if (path !== null) void cache.load(path);
  }, [path]);
  return { ...entry, reload };
}
