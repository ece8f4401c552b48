import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, onLoginNeeded, patch, post, queryString, request, setCsrf } from './client';

function answer(status: number, body: unknown): Response {
  return new Response(body === undefined ? null : JSON.stringify(body), { status });
}

describe('client', () => {
  const fetcher = vi.fn<typeof fetch>();
  beforeEach(() => {
    vi.stubGlobal('fetch', fetcher);
    fetcher.mockReset();
    localStorage.clear();
  });
  afterEach(() => {
    onLoginNeeded(undefined);
    vi.unstubAllGlobals();
  });
  const sent = (call: number) => {
    const [url, init] = fetcher.mock.calls[call] ?? [];
    return { url, init, headers: init?.headers as Headers };
  };

  it('sends the CSRF token with changes only', async () => {
    setCsrf('secret');
    fetcher.mockImplementation(() => Promise.resolve(answer(200, {})));
    await request('/me');
    await post('/users', { username: 'a' });
    expect(sent(0).headers.get('X-CSRF-Token')).toBeNull();
    expect(sent(1).headers.get('X-CSRF-Token')).toBe('secret');
    expect(sent(1).init?.body).toBe('{"username":"a"}');
  });

  it('names the version that was seen', async () => {
    fetcher.mockResolvedValue(answer(200, {}));
    await patch('/users/usr-1', { name: 'x' }, 7);
    expect(sent(0).headers.get('If-Match')).toBe('"7"');
  });

  it('gives the problem of a refusal', async () => {
    fetcher.mockResolvedValue(answer(409, { status: 409, code: 'exists', detail: 'taken', field: 'username' }));
    const error = await post('/users').catch((why: unknown) => why);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).problem).toMatchObject({ code: 'exists', field: 'username', detail: 'taken' });
  });

  it('makes a problem of an answer that is no JSON', async () => {
    fetcher.mockResolvedValue(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
    await expect(request('/me')).rejects.toMatchObject({ problem: { status: 502, code: 'unavailable' } });
  });

  it('says offline when nobody answers', async () => {
    fetcher.mockRejectedValue(new TypeError('failed'));
    await expect(request('/me')).rejects.toMatchObject({ problem: { status: 0, code: 'offline' } });
  });

  it('asks for the log-in again and repeats the request', async () => {
    const asked = vi.fn(() => Promise.resolve());
    onLoginNeeded(asked);
    fetcher.mockResolvedValueOnce(answer(401, { code: 'unauthenticated' })).mockResolvedValueOnce(answer(200, { ok: 1 }));
    await expect(post('/pools', { name: 'p' })).resolves.toEqual({ ok: 1 });
    expect(asked).toHaveBeenCalledOnce();
    expect(sent(1).init?.body).toBe('{"name":"p"}');
  });

  it('does not ask when the log-in itself is refused', async () => {
    const asked = vi.fn(() => Promise.resolve());
    onLoginNeeded(asked);
    fetcher.mockResolvedValue(answer(401, { code: 'unauthenticated' }));
    await expect(request('/login', { method: 'POST', anonymous: true })).rejects.toBeInstanceOf(ApiError);
    expect(asked).not.toHaveBeenCalled();
  });

  it('writes query strings', () => {
    expect(queryString({})).toBe('');
    expect(queryString({ a: 'x y&z', b: 3, c: undefined, d: '', e: true, f: false })).toBe('?a=x%20y%26z&b=3&e=true');
  });
});
