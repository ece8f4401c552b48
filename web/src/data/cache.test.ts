import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/client';
import { Cache, dependsOn } from './cache';
import { Changes } from './events';

describe('cache', () => {
  it('reads once for many readers and tells all of them', async () => {
    const fetcher = vi.fn(() => Promise.resolve({ items: [1] }));
    const cache = new Cache(fetcher as never);
    const first = vi.fn();
    const second = vi.fn();
    cache.subscribe('/users', first);
    cache.subscribe('/users', second);
    await vi.waitFor(() => expect(cache.read('/users').data).toEqual({ items: [1] }));
    expect(fetcher).toHaveBeenCalledOnce();
    expect(first).toHaveBeenCalled();
    expect(second).toHaveBeenCalled();
  });

  it('keeps the old value while it reads again, and beside an error', async () => {
    let fail = false;
    const fetcher = () => (fail ? Promise.reject(new ApiError({ status: 500, code: 'internal', detail: 'x' })) : Promise.resolve('old'));
    const cache = new Cache(fetcher as never);
    await cache.load('/users');
    fail = true;
    const again = cache.load('/users');
    expect(cache.read('/users')).toMatchObject({ data: 'old', loading: true });
    await again;
    expect(cache.read('/users')).toMatchObject({ data: 'old', loading: false });
    expect(cache.read('/users').error?.problem.code).toBe('internal');
  });

  it('takes the newest of two answers', async () => {
    const waiting: ((value: string) => void)[] = [];
    const cache = new Cache((() => new Promise<string>((resolve) => waiting.push(resolve))) as never);
    const one = cache.load('/jobs');
    const two = cache.load('/jobs');
    waiting[1]?.('new');
    waiting[0]?.('old');
    await Promise.all([one, two]);
    expect(cache.read('/jobs').data).toBe('new');
  });

  it('reads what has readers now and the rest later', async () => {
    const fetcher = vi.fn(() => Promise.resolve(1));
    const cache = new Cache(fetcher as never);
    const leave = cache.subscribe('/users', () => undefined);
    await vi.waitFor(() => expect(fetcher).toHaveBeenCalledTimes(1));
    cache.invalidate(() => true);
    expect(fetcher).toHaveBeenCalledTimes(2);
    leave();
    cache.invalidate(() => true);
    expect(fetcher).toHaveBeenCalledTimes(2);
  });

  it('knows which paths a noun makes stale', () => {
    expect(dependsOn('/desktops?limit=50', 'desktop')).toBe(true);
    expect(dependsOn('/me/desktops', 'pool')).toBe(true);
    expect(dependsOn('/users', 'desktop')).toBe(false);
    expect(dependsOn('/templates/tpl-1/versions', 'template-version')).toBe(true);
  });
});

describe('changes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('gathers many events into one reading', () => {
    const cache = new Cache((() => Promise.resolve(1)) as never);
    const invalidate = vi.spyOn(cache, 'invalidate');
    const changes = new Changes(cache);
    for (let n = 0; n < 100; n++) changes.take('{"kind":"changed","noun":"desktop","id":"dsk-1"}');
    changes.take('not json');
    changes.take('{}');
    vi.advanceTimersByTime(1000);
    expect(invalidate).toHaveBeenCalledOnce();
    const matches = invalidate.mock.calls[0]?.[0];
    expect(matches?.('/desktops')).toBe(true);
    expect(matches?.('/audit')).toBe(false);
  });
});
