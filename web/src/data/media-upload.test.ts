import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/client';
import { PIECE, Uploads } from './media-upload';
import type { Media } from './types';

const MEDIUM = { id: 'med-1', name: 'a.iso' } as Media;
const file = { size: 2 * PIECE + 5, slice: (from: number, to: number) => ({ size: Math.min(to, 2 * PIECE + 5) - from }) } as unknown as File;

/** A server that has `there` bytes. */
function server(start: number) {
  const state = { there: start, finished: 0 };
  vi.stubGlobal('fetch', async (path: string) => {
    if (path.endsWith('/finish')) state.finished++;
    return new Response(JSON.stringify(path.endsWith('/finish') ? { id: 'job-1' } : { received_bytes: state.there }));
  });
  return state;
}

afterEach(() => vi.unstubAllGlobals());

describe('uploads of media', () => {
  it('send from where the server is, piece by piece, and finish', async () => {
    const state = server(7);
    const paths: string[] = [];
    const uploads = new Uploads(async (path, piece) => {
      paths.push(path);
      state.there += piece.size;
      return { received_bytes: state.there } as Media;
    });
    expect((await uploads.run(MEDIUM, file))?.id).toBe('job-1');
    expect(paths).toEqual([7, 7 + PIECE, 7 + 2 * PIECE].filter((at) => at < file.size).map((at) => `/media/med-1/content?offset=${at}`));
    expect(state).toEqual({ there: file.size, finished: 1 });
    expect(uploads.all()).toEqual([]);
  });

  it('ask again where to go on when a piece broke off', async () => {
    const state = server(0);
    let broken = 2;
    const uploads = new Uploads(async (path, piece) => {
      if (broken-- > 0) {
        state.there += 3; // a part of it came
        throw new ApiError({ status: 0, code: 'offline', detail: '' });
      }
      expect(path).toBe(`/media/med-1/content?offset=${state.there}`);
      state.there += piece.size;
      return { received_bytes: state.there } as Media;
    }, 1);
    await uploads.run(MEDIUM, file);
    expect(state).toEqual({ there: file.size, finished: 1 });
  });

  it('stop at what the server refuses, and say why', async () => {
    const state = server(0);
    const why = new ApiError({ status: 400, code: 'invalid', detail: 'no ISO image' });
    const uploads = new Uploads(() => Promise.reject(why), 1);
    expect(await uploads.run(MEDIUM, file)).toBeUndefined();
    expect(uploads.all()).toMatchObject([{ id: 'med-1', state: 'paused', error: why }]);
    expect(state.finished).toBe(0);
  });

  it('end nothing when they are stopped', async () => {
    const state = server(0);
    const uploads: Uploads = new Uploads(async () => {
      state.there += 4;
      uploads.pause('med-1');
      throw new ApiError({ status: 0, code: 'offline', detail: '' });
    }, 1);
    expect(await uploads.run(MEDIUM, file)).toBeUndefined();
    expect(uploads.all()).toMatchObject([{ state: 'paused', error: undefined }]);
    expect(state).toEqual({ there: 4, finished: 0 });
  });
});
