// Following a job to its end.
import { cache } from './cache';
import type { Job } from './types';

const ENDED = ['done', 'failed', 'cancelled'];

/** Waits for the end of a job by the cache, which the event stream keeps fresh. */
export function jobEnd(job: Job, onChange: (job: Job) => void = () => undefined): Promise<Job> {
  const path = `/jobs/${job.id}`;
  return new Promise((resolve) => {
    let leave: () => void = () => undefined;
    const look = () => {
      const now = cache.read<Job>(path).data;
      if (!now) return;
      onChange(now);
      if (ENDED.includes(now.state ?? '')) {
        leave();
        resolve(now);
      }
    };
    leave = cache.subscribe(path, look);
    look();
  });
}
