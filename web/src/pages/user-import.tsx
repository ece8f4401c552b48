// Importing people from a CSV or .xlsx file: checked first, applied only when every line is good, or without the wrong ones. The reader of .xlsx
// files is loaded when such a file was chosen.
import { Alert, Button, Checkbox, Content, FileUpload, Form, FormGroup, FormSelect, FormSelectOption, List, ListItem } from '@patternfly/react-core';
import { useState } from 'react';
import { queryString, request } from '../api/client';
import { download } from '../data/connect';
import { useI18n } from '../i18n';
import type { Workbook } from '../sheet/xlsx';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem';
import { useToasts } from '../ui/toasts';

export interface ImportReport {
  applied: boolean;
  good: number;
  created: number;
  errors: { line: number; field?: string | null; reason: string }[];
  passwords?: { username: string; password: string }[];
}

const SHOWN = 100;

/** As a CSV file that a spreadsheet opens: names begin with a letter, passwords have no quotes or commas. */
const listOf = (passwords: NonNullable<ImportReport['passwords']>) =>
  new Blob(['username,password\r\n', ...passwords.map((row) => `${row.username},${row.password}\r\n`)], { type: 'text/csv' });

/** What begins as a ZIP file is taken for .xlsx. */
async function workbookOf(file: File): Promise<Workbook | undefined> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  if (String.fromCharCode(...head) !== 'PK\x03\x04') return undefined;
  const { MAX_BYTES, openXlsx } = await import('../sheet/xlsx');
  return openXlsx(new Uint8Array(await file.slice(0, MAX_BYTES + 1).arrayBuffer()));
}

export function ImportDialog({ onClose }: { onClose: () => void }) {
  const { t, number, said, saidOf, member } = useI18n();
  const toasts = useToasts();
  const [file, setFile] = useState<File>();
  const [report, setReport] = useState<ImportReport>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [book, setBook] = useState<Workbook>();
  const [sheet, setSheet] = useState('');
  const [partial, setPartial] = useState(false);
  const [passwords, setPasswords] = useState(false);
  const [secrets, setSecrets] = useState<NonNullable<ImportReport['passwords']>>();
  const good = report !== undefined && report.errors.length === 0;
  const ready = report !== undefined && report.good > 0 && (good || partial);

  const choose = async (chosen: File | undefined) => {
    setFile(chosen);
    setReport(undefined);
    setError(undefined);
    setBook(undefined);
    if (!chosen) return;
    setBusy(true);
    try {
      const opened = await workbookOf(chosen);
      setBook(opened);
      setSheet(opened?.names[0] ?? '');
    } catch (why) {
      setFile(undefined);
      setError(why);
    } finally {
      setBusy(false);
    }
  };

  const send = async (dry: boolean) => {
    if (!file || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const raw = { data: book ? await book.csv(sheet) : file, type: 'text/csv' };
      const asked = queryString({ dry_run: dry, partial, initial_passwords: passwords });
      const answer = await request<ImportReport>(`/users/import${asked}`, { method: 'POST', raw });
      setReport(answer);
      if (answer.applied) {
        toasts.success(t('users.import-done', { count: number(answer.created) }));
        if (answer.passwords?.length) setSecrets(answer.passwords);
        else onClose();
      }
    } catch (why) {
      setError(why);
    } finally {
      setBusy(false);
    }
  };

  if (secrets)
    return (
      <Dialog title={t('users.import-secrets', { count: number(secrets.length) })} onClose={() => undefined} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
        <Content component="p">{t('users.import-secrets-text')}</Content>
        <Button variant="secondary" onClick={() => download('passwords.csv', listOf(secrets))}>
          {t('users.import-secrets-save')}
        </Button>
        <List isPlain isBordered className="yd-secrets">
          {secrets.slice(0, SHOWN).map((row) => (
            <ListItem key={row.username}>
              <span className="yd-head">
                {row.username} <code>{row.password}</code>
              </span>
            </ListItem>
          ))}
        </List>
      </Dialog>
    );
  return (
    <Dialog
      title={t('users.import')}
      onClose={onClose}
      footer={
        <>
          {ready ? (
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
        onFileInputChange={(_, chosen) => void choose(chosen)}
        onClearClick={() => void choose(undefined)}
      />
      {book && book.names.length > 1 && (
        <Form>
          <FormGroup label={t('users.import-sheet')} fieldId="import-sheet">
            <FormSelect
              id="import-sheet"
              value={sheet}
              onChange={(_, name) => {
                setSheet(name);
                setReport(undefined);
              }}
            >
              {book.names.map((name) => (
                <FormSelectOption key={name} value={name} label={name} />
              ))}
            </FormSelect>
          </FormGroup>
        </Form>
      )}
      <Form>
        <Checkbox
          id="import-passwords"
          label={t('users.import-passwords')}
          isChecked={passwords}
          onChange={(_, on) => {
            setPasswords(on);
            setReport(undefined); // how many passwords there may be is checked, too
          }}
        />
        <Checkbox id="import-partial" label={t('users.import-partial')} isChecked={partial} onChange={(_, on) => setPartial(on)} />
      </Form>
      {report && <Alert component="p" isInline variant={ready ? 'success' : 'info'} title={t('users.import-good', { count: number(report.good) })} />}
      {report && !good && (
        <Alert component="p" isInline variant={partial ? 'warning' : 'danger'} title={t(partial ? 'users.import-left' : 'users.import-bad', { count: number(report.errors.length) })}>
          <List>
            {report.errors.slice(0, SHOWN).map((row) => (
              <ListItem key={`${row.line}-${row.field ?? ''}`}>
                {t('users.import-line', { line: row.line, reason: row.field ? t('error.field', { field: member(row.field), detail: saidOf(row.field, row.reason) }) : said(row.reason) })}
              </ListItem>
            ))}
          </List>
        </Alert>
      )}
      <ProblemAlert error={error} />
    </Dialog>
  );
}
