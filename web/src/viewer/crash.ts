// A viewer whose WebAssembly trapped cannot be used again inside this page: its memory is in an
// unknown state. So the page is loaded anew, and the session in the desktop goes on; but a viewer
// that crashes again and again asks the person first.

const STORED = 'yundesk.crashes';
const SPAN_MS = 5 * 60_000;
const RESTARTS = 3;

/** Whether an error of the page is the viewer's end. Other errors (of layout observers, say) are not. */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}

function stored(storage: Pick<Storage, 'getItem'>): number[] {
  try {
    const list: unknown = JSON.parse(storage.getItem(STORED) ?? '[]');
    return Array.isArray(list) ? list.filter((item): item is number => typeof item === 'number') : [];
  } catch {
    return [];
  }
}

/** Notes a crash; whether the viewer may be restarted without asking. */
export function mayRestart(storage: Pick<Storage, 'getItem' | 'setItem'>, now: number): boolean {
  const recent = stored(storage).filter((time) => now - time < SPAN_MS && time <= now);
  storage.setItem(STORED, JSON.stringify([...recent, now]));
  return recent.length < RESTARTS;
}

/** Calls onTrap at the first trap, wherever in the page it shows; gives back how to stop. */
export function watchTraps(onTrap: () => void): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const take = (error: unknown) => {
    if (!isTrap(error)) return;
    abort.abort();
    onTrap();
  };
  window.addEventListener('error', (event) => take(event.error), { signal });
  window.addEventListener('unhandledrejection', (event) => take(event.reason), { signal });
  return () => abort.abort();
}
