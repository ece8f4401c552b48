// Which desktops would move so that hosts are used alike, and the button that moves them.
import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useEffect, useState } from 'react';
import { get, post } from '../api/client';
import { useI18n } from '../i18n';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem';

interface Answer {
  spread: number;
  spread_before: number;
  spread_after: number;
  moves: { desktop_id: string; desktop_name: string; from_name: string; to_name: string; sessions: number }[];
}

export function Balance({ onClose }: { onClose: () => void }) {
  const { t, number } = useI18n();
  const [answer, setAnswer] = useState<Answer>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let stale = false;
    get<Answer>('/balance').then(
      (found) => !stale && setAnswer(found),
      (why: unknown) => !stale && setError(why),
    );
    return () => {
      stale = true;
    };
  }, []);
  const apply = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await post('/balance', {});
      onClose();
    } catch (why) {
      setError(why);
      setBusy(false);
    }
  };
  const moves = answer?.moves ?? [];
  return (
    <Dialog
      title={t('hosts.balance-title')}
      onClose={onClose}
      footer={
        <>
          {moves.length > 0 && (
            <Button isDisabled={busy} isLoading={busy} onClick={() => void apply()}>
              {t('hosts.balance-apply')}
            </Button>
          )}
          <Button variant={moves.length > 0 ? 'link' : 'primary'} onClick={onClose}>
            {t('act.close')}
          </Button>
        </>
      }
    >
      {error !== undefined && <ProblemAlert error={error} />}
      {answer && moves.length === 0 && (
        <p>{t('hosts.balance-none', { before: number(answer.spread_before), spread: number(answer.spread) })}</p>
      )}
      {answer && moves.length > 0 && (
        <>
          <p>{t('hosts.balance-sum', { before: number(answer.spread_before), after: number(answer.spread_after) })}</p>
          <Table variant="compact" aria-label={t('hosts.balance-title')}>
            <Thead>
              <Tr>
                <Th>{t('field.desktop')}</Th>
                <Th>{t('hosts.balance-from')}</Th>
                <Th>{t('hosts.balance-to')}</Th>
                <Th>{t('hosts.balance-people')}</Th>
              </Tr>
            </Thead>
            <Tbody>
              {moves.map((move) => (
                <Tr key={move.desktop_id}>
                  <Td>{move.desktop_name}</Td>
                  <Td>{move.from_name}</Td>
                  <Td>{move.to_name}</Td>
                  <Td>{number(move.sessions)}</Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        </>
      )}
    </Dialog>
  );
}
