import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/client';
import { isTrap, mayRestart } from './crash';
import { idleLeft } from './idle';
import { gapOf } from './use-wake';
import { meant, passing, triesFor } from './use-viewer';

const MINUTE = 60_000;

describe('a session that nobody uses', () => {
  const policy = { seconds: 600, notice: 60 };

  it('is left alone, then counted down, then over', () => {
    expect(idleLeft(policy, 0, 5 * MINUTE)).toBeUndefined();
    expect(idleLeft(policy, 0, 9 * MINUTE - 1)).toBeUndefined();
    expect(idleLeft(policy, 0, 9 * MINUTE)).toBe(60);
    expect(idleLeft(policy, 0, 9.5 * MINUTE)).toBe(30);
    expect(idleLeft(policy, 0, 10 * MINUTE - 1)).toBe(1);
    expect(idleLeft(policy, 0, 10 * MINUTE)).toBe(0);
    expect(idleLeft(policy, 0, 600 * MINUTE)).toBe(0);
  });

  it('begins anew with each input', () => {
    expect(idleLeft(policy, 9.9 * MINUTE, 10 * MINUTE)).toBeUndefined();
  });

  it('never ends without a rule, and warns at once when the notice is as long as the time', () => {
    expect(idleLeft({ seconds: 0, notice: 60 }, 0, 1e12)).toBeUndefined();
    expect(idleLeft({ seconds: 10, notice: 60 }, 0, 0)).toBe(10);
  });
});

describe('a machine that slept', () => {
  it('is told apart from a page in the background', () => {
    expect(gapOf(0, 2000)).toBe('none');
    expect(gapOf(0, MINUTE + 1000)).toBe('doubt');
    expect(gapOf(0, 3 * MINUTE)).toBe('slept');
    expect(gapOf(3 * MINUTE, 0)).toBe('none'); // the clock was set back
  });
});

describe('a viewer that crashed', () => {
  const memory = () => {
    const kept = new Map<string, string>();
    return { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => void kept.set(name, value) };
  };

  it('is told apart from other errors of the page', () => {
    expect(isTrap(new WebAssembly.RuntimeError('unreachable'))).toBe(true);
    expect(isTrap(new Error('ResizeObserver loop limit exceeded'))).toBe(false);
    expect(isTrap(null)).toBe(false);
  });

  it('is restarted three times in five minutes, then the person is asked', () => {
    const storage = memory();
    expect([0, 1000, 2000, 3000].map((now) => mayRestart(storage, now))).toEqual([true, true, true, false]);
    expect(mayRestart(storage, 6 * MINUTE)).toBe(true);
  });

  it('is restarted whatever stands in the storage', () => {
    const storage = memory();
    storage.setItem('yundesk.crashes', '{"x":');
    expect(mayRestart(storage, 0)).toBe(true);
  });
});

describe('the end of a connection', () => {
  it('was meant, or only happened', () => {
    expect(meant({ state: 'ended', reason: 'the desktop refused the log-in' })).toBe('the desktop refused the log-in');
    expect(meant({ state: 'ended', reason: 'closed by the client' })).toBeUndefined();
    expect(meant({ state: 'dropped', reason: null })).toBeUndefined();
    expect(meant(undefined)).toBeUndefined();
    expect(meant({ state: 'ended', reason: 'the desktop moved to another host; connect again' })).toBeUndefined();
    expect(meant({ state: 'ended', reason: 'its host “b” has failed; it starts on another host' })).toBeUndefined();
    expect(meant({ state: 'ended', reason: 'its host “b” has failed' })).toBeDefined();
  });

  it('is worth another try when a part of the system was away', () => {
    const error = (status: number) => new ApiError({ status, code: 'x', detail: '' });
    expect([0, 502, 503, 504].every((status) => passing(error(status)))).toBe(true);
    expect(passing(error(403))).toBe(false);
    expect(passing(new Error('x'))).toBe(false);
    expect(triesFor(error(503))).toBeGreaterThan(triesFor(error(0)));
  });
});
