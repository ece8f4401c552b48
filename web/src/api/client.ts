// The one place that talks HTTP: JSON in and out, the CSRF token, problems as errors, and the log-in
// that ended in the middle of something: the request waits until the person has logged in again.

export interface Problem {
  status: number;
  code: string;
  detail: string;
  field?: string;
  advice?: string;
  request_id?: string;
  /** The object as it is now, with 412. */
  present?: Record<string, unknown>;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.name = 'ApiError';
  }
}

export interface RequestOptions {
  method?: string;
  body?: unknown;
  /** Sent as it is, with this type, in place of JSON. */
  raw?: { data: BodyInit; type: string };
  version?: number;
  signal?: AbortSignal;
  /** The log-in itself: a 401 is an answer, not a reason to ask again. */
  anonymous?: boolean;
}

const BASE = '/api/v1';
const CSRF_KEY = 'yundesk.csrf';

let askLogin: (() => Promise<void>) | undefined;

/** Sets who is asked when a log-in has ended; undefined: nobody (tests). */
export function onLoginNeeded(handler: (() => Promise<void>) | undefined): void {
  askLogin = handler;
}

export function setCsrf(token: string | undefined): void {
  if (token === undefined) localStorage.removeItem(CSRF_KEY);
  else localStorage.setItem(CSRF_KEY, token);
}

export const csrfToken = (): string => localStorage.getItem(CSRF_KEY) ?? '';

function headersFor(options: RequestOptions): Headers {
  const headers = new Headers({ Accept: 'application/json' });
  const method = options.method ?? 'GET';
  if (options.raw) headers.set('Content-Type', options.raw.type);
  else if (options.body !== undefined) headers.set('Content-Type', 'application/json');
  if (options.version !== undefined) headers.set('If-Match', `"${options.version}"`);
  if (method !== 'GET') {
    const csrf = csrfToken();
    if (csrf) headers.set('X-CSRF-Token', csrf);
  }
  return headers;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = { status: response.status, code: 'unavailable', detail: response.statusText };
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null ? { ...fallback, ...body } : fallback;
  } catch {
    return fallback;
  }
}

async function send(path: string, options: RequestOptions): Promise<Response> {
  const init: RequestInit = {
    method: options.method ?? 'GET',
    headers: headersFor(options),
    credentials: 'same-origin',
    cache: 'no-store',
  };
  if (options.raw) init.body = options.raw.data;
  else if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.signal) init.signal = options.signal;
  try {
    return await fetch(BASE + path, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError({ status: 0, code: 'offline', detail: 'The server does not answer.' });
  }
}

/** The raw answer; throws ApiError for every status from 400 on. */
export async function requestRaw(path: string, options: RequestOptions = {}): Promise<Response> {
  let response = await send(path, options);
  if (response.status === 401 && !options.anonymous && askLogin) {
    await askLogin();
    response = await send(path, options);
  }
  if (response.status >= 400) throw new ApiError(await problemOf(response));
  return response;
}

export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await requestRaw(path, options);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

export const get = <T>(path: string, signal?: AbortSignal) =>
  request<T>(path, signal ? { signal } : {});
export const post = <T>(path: string, body: unknown = {}, signal?: AbortSignal) =>
  request<T>(path, { method: 'POST', body, ...(signal ? { signal } : {}) });
export const patch = <T>(path: string, body: unknown, version?: number) =>
  request<T>(path, { method: 'PATCH', body, ...(version === undefined ? {} : { version }) });
export const remove = <T>(path: string, version?: number) =>
  request<T>(path, { method: 'DELETE', ...(version === undefined ? {} : { version }) });

/** "?a=1&b=x" of the values that are there, or "". */
export function queryString(values: Record<string, string | number | boolean | undefined>): string {
  const pairs = Object.entries(values)
    .filter(([, value]) => value !== undefined && value !== '' && value !== false)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
