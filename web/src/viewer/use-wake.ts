// Notices that the machine slept or the page was frozen: timers stand still then, the clock does not.
import { useEffect } from 'react';

const TICK_MS = 2000;
/** Background pages get their timers once a minute: a shorter gap says nothing about the connection. */
const DOUBT_MS = 30_000;
/** After such a gap nobody has kept the connection: gates give up after 2 minutes without an answer. */
const SLEPT_MS = 120_000;

export type Gap = 'none' | 'doubt' | 'slept';

export function gapOf(last: number, now: number): Gap {
  const gap = now - last;
  if (gap > SLEPT_MS) return 'slept';
  return gap > DOUBT_MS ? 'doubt' : 'none';
}

/** onDoubt: the connection may be dead, ask; onSlept: it is. */
export function useWake(onDoubt: () => void, onSlept: () => void): void {
  useEffect(() => {
    let last = Date.now();
    const look = () => {
      const now = Date.now();
      const gap = gapOf(last, now);
      last = now;
      if (gap === 'slept') onSlept();
      else if (gap === 'doubt') onDoubt();
    };
    const timer = setInterval(look, TICK_MS);
    // Whoever comes back should not wait for the next tick.
    document.addEventListener('resume', look);
    document.addEventListener('visibilitychange', look);
    window.addEventListener('online', onDoubt);
    return () => {
      clearInterval(timer);
      document.removeEventListener('resume', look);
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('online', onDoubt);
    };
  }, [onDoubt, onSlept]);
}
