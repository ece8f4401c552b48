// When a session counts as unused: pure arithmetic, and a hook that watches the whole page's input.
import { useCallback, useEffect, useRef, useState } from 'react';

export interface IdlePolicy {
  /** Without input for so long it ends; 0: never. */
  seconds: number;
  /** How long before that the person is warned. */
  notice: number;
}

export const NEVER: IdlePolicy = { seconds: 0, notice: 0 };

/** Whole seconds until the end when the person is to be warned; 0: over; undefined: not yet. */
export function idleLeft(policy: IdlePolicy, lastInput: number, now: number): number | undefined {
  if (policy.seconds <= 0) return undefined;
  const left = Math.ceil((lastInput + policy.seconds * 1000 - now) / 1000);
  return left > Math.min(policy.notice, policy.seconds) ? undefined : Math.max(0, left);
}

const INPUT = ['keydown', 'pointerdown', 'pointermove', 'wheel'] as const;

export interface Idle {
  /** Seconds that the person is still given, while they are being warned. */
  left: number | undefined;
  stay: () => void;
}

/** onOver is called once when nobody did anything for the policy's time while active. */
export function useIdle(policy: IdlePolicy, active: boolean, onOver: () => void): Idle {
  const last = useRef(Date.now());
  const [left, setLeft] = useState<number>();
  const { seconds, notice } = policy;

  useEffect(() => {
    if (!active || seconds <= 0) return undefined;
    const abort = new AbortController();
    last.current = Date.now();
    const look = () => {
      const now = idleLeft({ seconds, notice }, last.current, Date.now());
      setLeft(now);
      if (now !== 0) return;
      clearInterval(timer);
      setLeft(undefined);
      onOver();
    };
    const timer = setInterval(look, 500);
    const note = () => {
      last.current = Date.now();
    };
    // In the capture phase: the canvas keeps its events to itself.
    for (const name of INPUT) window.addEventListener(name, note, { signal: abort.signal, capture: true, passive: true });
    return () => {
      abort.abort();
      clearInterval(timer);
      setLeft(undefined);
    };
  }, [active, seconds, notice, onOver]);

  const stay = useCallback(() => {
    last.current = Date.now();
    setLeft(undefined);
  }, []);
  return { left, stay };
}
