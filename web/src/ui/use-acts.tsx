// What every page of records does: open one dialog at a time, run an act and say how it went.
import { useCallback, useState, type ReactNode } from 'react';
import { post, remove } from '../api/client';
import type { Job } from '../data/types';
import { useI18n } from '../i18n';
import { ConfirmDialog } from './dialog';
import { useToasts } from './toasts';

interface DeleteSpec {
  path: string;
  name: string;
  text: string;
  version?: number | undefined;
  typeName?: boolean;
}

export interface Acts {
  dialog: ReactNode;
  show: (dialog: ReactNode) => void;
  close: () => void;
  /** POSTs; a job in the answer is followed. Failures are told. */
  act: (path: string, name: string, body?: unknown) => Promise<void>;
  askDelete: (spec: DeleteSpec) => void;
}

function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && 'kind' in value && 'steps' in value;
}

export function useActs(): Acts {
  const { t } = useI18n();
  const toasts = useToasts();
  const [dialog, setDialog] = useState<ReactNode>();
  const close = useCallback(() => setDialog(undefined), []);

  const followed = (answer: unknown, name: string) => {
    if (isJob(answer)) void toasts.follow(answer, name);
  };
  const act = async (path: string, name: string, body: unknown = {}) => {
    try {
      followed(await post<unknown>(path, body), name);
    } catch (error) {
      toasts.failure(error);
    }
  };
  const askDelete = (spec: DeleteSpec) =>
    setDialog(
      <ConfirmDialog
        title={t('confirm.delete', { name: spec.name })}
        text={spec.text}
        action={t('act.delete')}
        {...(spec.typeName ? { typeName: spec.name } : {})}
        onConfirm={async () => followed(await remove<unknown>(spec.path, spec.version), spec.name)}
        onClose={close}
      />,
    );
  return { dialog, show: setDialog, close, act, askDelete };
}
