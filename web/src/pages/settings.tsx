import { Alert, Button, Card, CardBody, CardTitle, Content, Gallery, List, ListItem, Progress } from '@patternfly/react-core';
import { useState } from 'react';
import { patch, post } from '../api/client';
import { jobEnd } from '../data/jobs';
import type { Job } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { FormDialog, type Field, type Values } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';

interface Rule {
  value: number;
  default: number;
  min: number;
  max: number;
}

interface Check {
  check: string;
  /** null: not tried, because something before it failed. */
  ok: boolean | null;
  message: string;
  advice?: string | null;
  ms?: number;
}

function Doctor() {
  const { t, number, word, said, saidWord } = useI18n();
  const [job, setJob] = useState<Job>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const result = job?.result as { checks?: Check[] } | Check[] | null | undefined;
  const checks = Array.isArray(result) ? result : (result?.checks ?? []);
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const started = await post<Job>('/doctor');
      setJob(started);
      setJob(await jobEnd(started, setJob));
    } catch (why) {
      setError(why);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card>
      <CardTitle component="h2">{t('settings.doctor')}</CardTitle>
      <CardBody>
        <Content component="p">{t('settings.doctor-text')}</Content>
        <Button isLoading={busy} isDisabled={busy} onClick={() => void run()}>
          {t('settings.doctor-run')}
        </Button>
        {busy && <Progress aria-label={t('field.progress')} value={job?.progress ?? 0} label={word('step', job?.step)} />}
        {checks.map((check) => (
          <Alert component="p" key={check.check} isInline isPlain variant={check.ok === null ? 'info' : check.ok ? 'success' : 'danger'} title={t('error.field', { field: saidWord(check.check), detail: said(check.message) })}>
            {said(check.advice)} {check.ms !== undefined && <small>{number(check.ms)} ms</small>}
          </Alert>
        ))}
        <ProblemAlert error={error ?? (job?.state === 'failed' ? job.error : undefined)} />
      </CardBody>
    </Card>
  );
}

export default function SettingsPage() {
  const { t, word, number } = useI18n();
  const acts = useActs();
  const toasts = useToasts();
  const { data: rules, error, reload } = useGet<Record<string, Rule>>('/settings');
  const names = Object.keys(rules ?? {}).sort();
  const data: Values = Object.fromEntries(names.map((name) => [name, rules?.[name]?.value]));
  const fields: Field[] = names.map((name) => {
    const rule = rules?.[name];
    const of = (key: 'min' | 'max' | 'default') => number(rule?.[key] ?? 0);
    const help = t('settings.bounds', { min: of('min'), max: of('max'), default: of('default') });
    return { name, label: word('setting', name), kind: 'number', help };
  });
  const edit = () =>
    acts.show(
      <FormDialog
        editing
        title={t('settings.title')}
        intro={t('settings.intro')}
        fields={fields}
        start={data}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={async (values) => {
          await patch('/settings', values);
          toasts.success(t('settings.saved'));
          reload();
        }}
      />,
    );
  return (
    <PageFrame title={t('settings.title')}>
      <Gallery hasGutter minWidths={{ default: 'min(26rem, 100%)' }}>
        <Card>
          <CardTitle component="h2">{t('settings.title')}</CardTitle>
          <CardBody>
            <ProblemAlert error={error} />
            <List isPlain isBordered className="yd-pairs">
              {names.map((name) => (
                <ListItem key={name}>
                  <span className="yd-head">
                    <span>{word('setting', name)}</span> <strong>{number(rules?.[name]?.value ?? 0)}</strong>
                  </span>
                </ListItem>
              ))}
            </List>
            <Button variant="secondary" isDisabled={names.length === 0} onClick={edit}>
              {t('act.edit')}
            </Button>
          </CardBody>
        </Card>
        <Doctor />
      </Gallery>
      {acts.dialog}
    </PageFrame>
  );
}
