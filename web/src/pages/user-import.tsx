// Importing people from a CSV file: checked first, applied only when every line is good.
import { Alert, Button, FileUpload, List, ListItem } from '@patternfly/react-core';
import { useState } from 'react';
import { request } from '../api/client';
import { useI18n } from '../i18n';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem';
import { useToasts } from '../ui/toasts';

export interface ImportReport {
  good: number;
  errors: { line: number; field?: string | null; reason: string }[];
}

const SHOWN = 100;

export function ImportDialog({ onClose }: { onClose: () => void }) {
  const { t, number } = useI18n();
  const toasts = useToasts();
  const [file, setFile] = useState<File>();
  const [report, setReport] = useState<ImportReport>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const good = report !== undefined && report.errors.length === 0;

  const send = async (dry: boolean) => {
    if (!file || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const raw = { data: file, type: 'text/csv' };
      const answer = await request<ImportReport>(`/users/import${dry ? '?dry_run=true' : ''}`, { method: 'POST', raw });
      setReport(answer);
      if (!dry && answer.errors.length === 0) {
        toasts.success(t('users.import-done', { count: number(answer.good) }));
        onClose();
      }
    } catch (why) {
      setError(why);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={t('users.import')}
      onClose={onClose}
      footer={
        <>
          {good ? (
            <Button isLoading={busy} isDisabled={busy} onClick={() => void send(false)}>
              {t('users.import-apply', { count: number(report.good) })}
            </Button>
          ) : (
            <Button isLoading={busy} isDisabled={busy || !file} onClick={() => void send(true)}>
              {t('users.import-check')}
            </Button>
          )}
          <Button variant="link" onClick={onClose}>
            {t('act.cancel')}
          </Button>
        </>
      }
    >
      <p>{t('users.import-text')}</p>
      <FileUpload
        id="import-file"
        filename={file?.name ?? ''}
        filenameAriaLabel={t('field.file')}
        browseButtonText={t('act.open')}
        clearButtonText={t('act.remove')}
        hideDefaultPreview
        onFileInputChange={(_, chosen) => {
          setFile(chosen);
          setReport(undefined);
        }}
        onClearClick={() => {
          setFile(undefined);
          setReport(undefined);
        }}
      />
      {report && <Alert component="p" isInline variant={good ? 'success' : 'info'} title={t('users.import-good', { count: number(report.good) })} />}
      {report && !good && (
        <Alert component="p" isInline variant="danger" title={t('users.import-bad', { count: number(report.errors.length) })}>
          <List>
            {report.errors.slice(0, SHOWN).map((row) => (
              <ListItem key={`${row.line}-${row.field ?? ''}`}>
                {t('users.import-line', { line: row.line, reason: row.field ? `${row.field}: ${row.reason}` : row.reason })}
              </ListItem>
            ))}
          </List>
        </Alert>
      )}
      <ProblemAlert error={error} />
    </Dialog>
  );
}
