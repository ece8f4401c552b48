// Uploads of media: sent in pieces from the place on that the server has, so that a broken line costs no more than one
// piece. They belong to the browser's tab, not to a page: looking at something else does not end them.
import { ApiError, csrfToken, get, post, type Problem } from '../api/client';
import type { Job, Media } from './types';

/** One request's worth; progress within it is told as it goes. */
export const PIECE = 32 * 1024 * 1024;
const AGAIN_MS = 2000;
const TRIES = 30;

export interface Upload {
  id: string;
  name: string;
  file: File;
  sent: number;
  state: 'sending' | 'paused';
  error: unknown;
}

type Send = (path: string, piece: Blob, onSent: (bytes: number) => void, signal: AbortSignal) => Promise<Media>;

/** PUT with progress, which fetch cannot tell. */
const put: Send = (path, piece, onSent, signal) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', `/api/v1${path}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('X-CSRF-Token', csrfToken());
    request.responseType = 'json';
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onerror = request.onabort = () => reject(new ApiError({ status: 0, code: 'offline', detail: 'The upload broke off.' }));
    request.onload = () => {
      if (request.status < 300) resolve(request.response as Media);
      else reject(new ApiError({ detail: '', code: 'unavailable', ...(request.response as Problem | null), status: request.status }));
    };
    signal.addEventListener('abort', () => request.abort());
    request.send(piece);
  });

/** A line that broke, a server that restarts, an older piece that still holds the file. */
const passes = (error: unknown) => error instanceof ApiError && (error.problem.status === 0 || error.problem.status >= 502 || error.problem.code === 'state');

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Uploads {
  private list: Upload[] = [];
  private readonly aborts = new Map<string, AbortController>();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly send: Send = put,
    private readonly againMs = AGAIN_MS,
  ) {}

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly all = () => this.list;

  private change(id: string, what: Partial<Upload>) {
    this.list = this.list.map((upload) => (upload.id === id ? { ...upload, ...what } : upload));
    this.listeners.forEach((listener) => listener());
  }

  /** Ends an upload here; what came stays at the server. */
  forget(id: string) {
    this.aborts.get(id)?.abort();
    this.aborts.delete(id);
    this.list = this.list.filter((upload) => upload.id !== id);
    this.listeners.forEach((listener) => listener());
  }

  pause(id: string) {
    this.aborts.get(id)?.abort();
    this.aborts.delete(id);
    this.change(id, { state: 'paused' });
  }

  /** Sends what is missing of the file and gives back the job that checks it; undefined: stopped. */
  async run(media: Media, file: File): Promise<Job | undefined> {
    const id = media.id ?? '';
    const abort = new AbortController();
    this.aborts.get(id)?.abort();
    this.aborts.set(id, abort);
    if (!this.list.some((upload) => upload.id === id)) this.list = [...this.list, { id, name: media.name ?? '', file, sent: 0, state: 'sending', error: undefined }];
    this.change(id, { file, state: 'sending', error: undefined });
    try {
      await this.sendAll(id, file, abort.signal);
      if (abort.signal.aborted) return undefined;
      const job = await post<Job>(`/media/${id}/finish`);
      this.forget(id);
      return job;
    } catch (error) {
      if (!abort.signal.aborted) this.change(id, { state: 'paused', error });
      return undefined;
    }
  }

  private async sendAll(id: string, file: File, signal: AbortSignal) {
    let tries = 0;
    while (!signal.aborted) {
      try {
        let at = (await get<Media>(`/media/${id}`, signal)).received_bytes ?? 0;
        while (at < file.size && !signal.aborted) {
          const from = at;
          this.change(id, { sent: from });
          const answer = await this.send(`/media/${id}/content?offset=${from}`, file.slice(from, from + PIECE), (bytes) => this.change(id, { sent: from + bytes }), signal);
          at = answer.received_bytes ?? 0;
          tries = 0;
        }
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!passes(error) || ++tries > TRIES) throw error;
        await sleep(this.againMs);
      }
    }
  }
}

export const uploads = new Uploads();
