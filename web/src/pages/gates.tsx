// The gates that are connected. They are no records and make no events of their own, so they are looked at again while
// the page is in sight.
import { Alert, Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useEffect } from 'react';
import { post } from '../api/client';
import type { Gate } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { ConfirmDialog } from '../ui/dialog';
import { FormDialog } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { StateLabel } from '../ui/state-label';
import { useActs, type Acts } from '../ui/use-acts';

const LOOK_MS = 5000;

function useGates() {
  const answer = useGet<{ items: Gate[] }>('/gates');
  const { reload } = answer;
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return answer;
}

/** What is asked before a gate drains, and before that is taken back. */
function useAsking(acts: Acts, gates: Gate[], reload: () => void) {
  const { t } = useI18n();
  const tell = async (gate: Gate, verb: 'drain' | 'resume', body: object) => {
    await post(`/gates/${encodeURIComponent(gate.name)}/${verb}`, body);
    reload();
  };
  const drain = (gate: Gate) => {
    const alone = !gates.some((other) => other.name !== gate.name && other.state === 'serving');
    acts.show(
      <FormDialog
        title={t('gates.drain-of', { name: gate.name })}
        intro={alone ? `${t('gates.drain-text')} ${t('gates.drain-last')}` : t('gates.drain-text')}
        fields={[{ name: 'seconds', label: t('gates.seconds'), kind: 'number', help: t('gates.seconds-text') }]}
        submit={t('gates.drain')}
        onClose={acts.close}
        onSubmit={(values) => tell(gate, 'drain', values)}
      />,
    );
  };
  const resume = (gate: Gate) =>
    acts.show(
      <ConfirmDialog
        title={t('gates.resume-of', { name: gate.name })}
        text={t('gates.resume-text')}
        action={t('gates.resume')}
        onConfirm={() => tell(gate, 'resume', {})}
        onClose={acts.close}
      />,
    );
  return { drain, resume };
}

function Rows({ gates, onDrain, onResume }: { gates: Gate[]; onDrain: (gate: Gate) => void; onResume: (gate: Gate) => void }) {
  const { t, number, date } = useI18n();
  const labels = ['name', 'state', 'version', 'sessions', 'sockets', 'not-accepted', 'certificate'].map((key) => t(`gates.${key}` as 'gates.name'));
  return (
    <Table aria-label={t('nav.gates')} variant="compact" data-testid="gates">
      <Thead>
        <Tr>
          {labels.map((label) => (
            <Th key={label}>{label}</Th>
          ))}
          <Th screenReaderText={t('act.more')} />
        </Tr>
      </Thead>
      <Tbody>
        {gates.map((gate, index) => (
          <Tr key={`${gate.name} ${index}`} data-gate={gate.name}>
            <Td dataLabel={labels[0] ?? ''}>{gate.name}</Td>
            <Td dataLabel={labels[1] ?? ''}>
              <StateLabel of="gate" state={gate.state} />
            </Td>
            <Td dataLabel={labels[2] ?? ''}>{gate.version ?? '–'}</Td>
            <Td dataLabel={labels[3] ?? ''}>{number(gate.sessions ?? 0)}</Td>
            <Td dataLabel={labels[4] ?? ''}>{number(gate.sockets ?? 0)}</Td>
            <Td dataLabel={labels[5] ?? ''}>{number(gate.accept_failures ?? 0)}</Td>
            <Td dataLabel={labels[6] ?? ''}>{date(gate.certificate_expires)}</Td>
            <Td isActionCell>
              {gate.state === 'serving' && (
                <Button variant="secondary" size="sm" aria-label={t('gates.drain-of', { name: gate.name })} onClick={() => onDrain(gate)}>
                  {t('gates.drain')}
                </Button>
              )}
              {gate.state === 'draining' && (
                <Button variant="secondary" size="sm" aria-label={t('gates.resume-of', { name: gate.name })} onClick={() => onResume(gate)}>
                  {t('gates.resume')}
                </Button>
              )}
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

export default function GatesPage() {
  const { t } = useI18n();
  const acts = useActs();
  const { data, error, reload } = useGates();
  const gates = data?.items ?? [];
  const ask = useAsking(acts, gates, reload);
  return (
    <PageFrame title={t('nav.gates')}>
      <ProblemAlert error={error} />
      {data && gates.length === 0 && <Alert component="p" isInline variant="warning" title={t('gates.none')} />}
      {gates.length > 0 && <Rows gates={gates} onDrain={ask.drain} onResume={ask.resume} />}
      {acts.dialog}
    </PageFrame>
  );
}
