// Where the desktops of a host would go if it failed now.
import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useEffect, useState } from 'react';
import { get } from '../api/client';
import type { Host } from '../data/types';
import { useI18n } from '../i18n';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem';

interface Answer {
  fit: number;
  left: number;
  desktops: { desktop_id: string; desktop_name: string; host_name?: string | null }[];
}

export function WhatIf({ host, onClose }: { host: Host; onClose: () => void }) {
  const { t, number } = useI18n();
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let stale = false;
    get<Answer>(`/hosts/${host.id}/what-if`).then(
      (found) => !stale && setAnswer(found),
      (why: unknown) => !stale && setError(why),
    );
    return () => {
      stale = true;
    };
  }, [host.id]);
  return (
    <Dialog
      title={t('hosts.what-if-title', { host: host.name ?? '' })}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('act.close')}</Button>}
    >
      {error !== undefined && <ProblemAlert error={error} />}
      {answer && answer.desktops.length === 0 && <p>{t('hosts.what-if-none')}</p>}
      {answer && answer.desktops.length > 0 && (
        <>
          <p>{t('hosts.what-if-sum', { fit: number(answer.fit), left: number(answer.left) })}</p>
          <Table variant="compact" aria-label={t('hosts.what-if-title', { host: host.name ?? '' })}>
            <Thead>
              <Tr>
                <Th>{t('field.desktop')}</Th>
                <Th>{t('field.host')}</Th>
              </Tr>
            </Thead>
            <Tbody>
              {answer.desktops.map((desktop) => (
                <Tr key={desktop.desktop_id}>
                  <Td>{desktop.desktop_name}</Td>
                  <Td>{desktop.host_name ?? t('hosts.what-if-nowhere')}</Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        </>
      )}
    </Dialog>
  );
}
