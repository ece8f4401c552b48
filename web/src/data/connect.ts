// The way to a desktop: ask, follow the job while it is made ready, ask again, hand over the file.
import { ApiError, post } from '../api/client';
import { jobEnd } from './jobs';
import type { Job } from './types';

export type Way = 'rdp-web' | 'rdp' | 'spice' | 'console';

export interface ConnectAnswer {
  id?: string;
  state: 'ready' | 'preparing';
  protocol?: string;
  host?: string;
  port?: number;
  ticket?: string;
  username?: string | null;
  password?: string | null;
  desktop_id?: string;
  /** Of the pool's policy: without input the session in the browser ends; 0: never. */
  idle_seconds?: number;
  idle_notice_seconds?: number;
  /** Likewise: false when nothing may go through the clipboard. */
  clipboard?: boolean;
  job?: Job;
  file?: { name: string; type: string; content: string };
}

/** The ways that a pool's desktops can be reached by, the best first. */
export function waysOf(access: string): Way[] {
  return access === 'spice' ? ['spice'] : ['rdp-web', 'rdp'];
}

/** A desktop may have to be made, then started: at most so many jobs one after another. */
const ROUNDS = 4;

export async function connect(
  entry: { pool_id: string; desktop?: { id?: string | null } | null },
  way: Way,
  onJob: (job: Job) => void,
  address: 'pools' | 'desktops' = 'pools',
  /** How long one request may take in ms; then a TimeoutError is thrown. 0: as long as it takes. */
  patience = 0,
): Promise<ConnectAnswer> {
  const id = address === 'pools' ? entry.pool_id : (entry.desktop?.id ?? '');
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await post<ConnectAnswer>(`/${address}/${id}/connections`, { protocol: way }, patience ? AbortSignal.timeout(patience) : undefined);
    if (answer.state === 'ready') return answer;
    if (!answer.job) break;
    onJob(answer.job);
    const end = await jobEnd(answer.job, onJob);
    if (end.state !== 'done') throw failed(end);
  }
  throw new ApiError({ status: 503, code: 'unavailable', detail: 'The desktop did not become ready.' });
}

function failed(job: Job): ApiError {
  return new ApiError({ status: 500, code: job.error_code ?? 'internal', detail: job.error ?? '' });
}

/** Offers the .rdp or .vv file of an answer as a download. */
export function save(answer: ConnectAnswer): void {
  if (!answer.file) return;
  download(answer.file.name, new Blob([answer.file.content], { type: answer.file.type }));
}

export function download(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

