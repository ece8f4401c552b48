// Short news at the edge of the page; jobs are followed to their end here.
import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core';
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { jobEnd } from '../data/jobs';
import type { Job } from '../data/types';
import { useI18n } from '../i18n';
import { details, headline } from './problem';

interface Toast {
  id: number;
  variant: 'success' | 'danger' | 'info';
  title: string;
  text: string | undefined;
}

export interface Toasts {
  success: (title: string) => void;
  failure: (error: unknown) => void;
  /** Says how the job ended; resolves with it. */
  follow: (job: Job, name: string) => Promise<Job>;
}

const Context = createContext<Toasts | undefined>(undefined);
const SHOWN_MS = 6000;

export function ToastProvider({ children }: { children: ReactNode }) {
  const i18n = useI18n();
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(1);

  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const show = useCallback(
    (variant: Toast['variant'], title: string, text?: string) => {
      const id = next.current++;
      setToasts((all) => [...all.slice(-4), { id, variant, title, text }]);
      if (variant !== 'danger') setTimeout(() => drop(id), SHOWN_MS);
    },
    [drop],
  );

  const value = useMemo<Toasts>(
    () => ({
      success: (title) => show('success', title),
      failure: (error) => show('danger', headline(i18n, error), details(i18n, error)),
      follow: async (job, name) => {
        const end = await jobEnd(job);
        const what = `${i18n.word('job.kind', end.kind)} – ${name}`;
        if (end.state === 'done') show('success', i18n.t('job.done', { name: what }));
        else show('danger', i18n.t('job.failed', { name: what }), end.error ? i18n.said(end.error) : undefined);
        return end;
      },
    }),
    [show, i18n],
  );

  return (
    <Context.Provider value={value}>
      {children}
      <AlertGroup isToast isLiveRegion>
        {toasts.map((toast) => (
          <Alert
            key={toast.id}
            component="p"
            variant={toast.variant}
            title={toast.title}
            actionClose={<AlertActionCloseButton aria-label={i18n.t('act.close')} onClose={() => drop(toast.id)} />}
          >
            {toast.text}
          </Alert>
        ))}
      </AlertGroup>
    </Context.Provider>
  );
}

export function useToasts(): Toasts {
  const value = useContext(Context);
  if (!value) throw new Error('useToasts outside of ToastProvider');
  return value;
}
