import { Button, FileUpload, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, Progress, TextInput, ToolbarItem } from '@patternfly/react-core';
import { useState, useSyncExternalStore, type DragEvent } from 'react';
import { post } from '../api/client';
import { uploads, type Upload } from '../data/media-upload';
import type { Media } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { Dialog } from '../ui/dialog';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';

type Run = (media: Media, file: File) => void;

/** Sends, and tells the end of the check wherever the person is by then. */
function useRun(): Run {
  const toasts = useToasts();
  return (media, file) =>
    void uploads.run(media, file).then((job) => {
      if (job) void toasts.follow(job, media.name ?? '');
    });
}

/** A new medium, or (begun) the rest of one. */
function UploadDialog({ begun, dropped, run, onClose }: { begun?: Media; dropped?: File; run: Run; onClose: () => void }) {
  const { t, number } = useI18n();
  const [file, setFile] = useState(dropped);
  const [name, setName] = useState(dropped?.name ?? '');
  const [sha256, setSha256] = useState('');
  const [error, setError] = useState<unknown>();
  const other = begun && file && file.size !== begun.size_bytes;

  const send = async () => {
    if (!file) return;
    setError(undefined);
    try {
      const media = begun ?? (await post<Media>('/media', { name: name.trim(), size_bytes: file.size, ...(sha256.trim() ? { sha256: sha256.trim() } : {}) }));
      run(media, file);
      onClose();
    } catch (why) {
      setError(why);
    }
  };
  const choose = (chosen: File) => {
    setFile(chosen);
    if (name === '') setName(chosen.name);
  };
  return (
    <Dialog
      title={begun ? `${t('media.go-on')}: ${begun.name ?? ''}` : t('media.upload')}
      onClose={onClose}
      footer={
        <>
          <Button isDisabled={!file || !!other || (!begun && name.trim() === '')} onClick={() => void send()}>
            {begun ? t('media.resume') : t('act.add')}
          </Button>
          <Button variant="link" onClick={onClose}>
            {t('act.cancel')}
          </Button>
        </>
      }
    >
      <p>{t(begun ? 'media.go-on-text' : 'media.upload-text')}</p>
      <Form>
        <FormGroup label={t('field.file')} fieldId="media-file">
          <FileUpload
            id="media-file"
            filename={file?.name ?? ''}
            filenameAriaLabel={t('field.file')}
            browseButtonText={t('act.open')}
            clearButtonText={t('act.remove')}
            hideDefaultPreview
            onFileInputChange={(_, chosen) => choose(chosen)}
            onClearClick={() => setFile(undefined)}
          />
          {other && (
            <FormHelperText>
              <HelperText>
                <HelperTextItem variant="error">{t('media.other-size', { size: number(file.size), wanted: number(begun.size_bytes ?? 0) })}</HelperTextItem>
              </HelperText>
            </FormHelperText>
          )}
        </FormGroup>
        {!begun && (
          <>
            <FormGroup label={t('field.name')} fieldId="media-name" isRequired>
              <TextInput id="media-name" value={name} maxLength={100} onChange={(_, value) => setName(value)} />
            </FormGroup>
            <FormGroup label={t('media.sha256')} fieldId="media-sha256">
              <TextInput id="media-sha256" value={sha256} onChange={(_, value) => setSha256(value)} />
              <FormHelperText>
                <HelperText>
                  <HelperTextItem>{t('media.sha256-text')}</HelperTextItem>
                </HelperText>
              </FormHelperText>
            </FormGroup>
          </>
        )}
      </Form>
      <ProblemAlert error={error} />
    </Dialog>
  );
}

function UploadBar({ upload, run }: { upload: Upload; run: Run }) {
  const { t } = useI18n();
  const percent = Math.floor((100 * upload.sent) / Math.max(upload.file.size, 1));
  const sending = upload.state === 'sending';
  return (
    <div className="yd-head" data-upload={upload.state}>
      <Progress
        title={t(sending ? 'media.sending' : 'media.paused', { name: upload.name, percent })}
        aria-label={upload.name}
        value={percent}
        measureLocation="none"
        {...(upload.error ? { variant: 'danger' as const } : {})}
      />
      {sending ? (
        <Button variant="secondary" onClick={() => uploads.pause(upload.id)}>
          {t('media.pause')}
        </Button>
      ) : (
        <Button variant="secondary" onClick={() => run({ id: upload.id, name: upload.name } as Media, upload.file)}>
          {t('media.resume')}
        </Button>
      )}
      <ProblemAlert error={upload.error} />
    </div>
  );
}

export default function MediaPage() {
  const { t, bytes, date, said } = useI18n();
  const acts = useActs();
  const run = useRun();
  const mine = useSyncExternalStore(uploads.subscribe, uploads.all);
  const here = (row: Media) =>
    row.state === 'uploading' ? `${bytes(row.received_bytes ?? 0)} / ${bytes(row.size_bytes ?? 0)}` : bytes(row.size_bytes ?? 0);
  /** A file dropped anywhere on the page, while no dialog is open: that one has a field for it. */
  const isFile = (event: DragEvent) => !acts.dialog && event.dataTransfer.types.includes('Files');
  const over = (event: DragEvent) => {
    if (isFile(event)) event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    const file = isFile(event) ? event.dataTransfer.files[0] : undefined;
    if (!file) return;
    event.preventDefault();
    acts.show(<UploadDialog dropped={file} run={run} onClose={acts.close} />);
  };
  return (
    <div className="yd-drop" onDragOver={over} onDrop={drop}>
      <PageFrame title={t('media.title')}>
        {mine.map((upload) => (
          <UploadBar key={upload.id} upload={upload} run={run} />
        ))}
        <DataTable<Media>
          label={t('media.title')}
          path="/media"
          sort="name"
          nameOf={(row) => row.name ?? ''}
          empty={t('media.empty')}
          columns={[
            { key: 'name', label: t('field.name'), sortable: true, render: (row) => row.name },
            { key: 'state', label: t('field.state'), sortable: true, render: (row) => <StateLabel of="media" state={row.state} /> },
            { key: 'size_bytes', label: t('media.size'), sortable: true, render: here },
            { key: 'label', label: t('media.label'), render: (row) => row.label ?? '–' },
            { key: 'bootable', label: t('media.bootable'), render: (row) => (row.state === 'ready' ? t(row.bootable ? 'field.yes' : 'field.no') : '–') },
            { key: 'created', label: t('field.created'), sortable: true, nowrap: true, render: (row) => date(row.created) },
          ]}
          details={(row) => [
            [t('field.state'), <StateLabel key="state" of="media" state={row.state} />],
            [t('media.size'), here(row)],
            [t('media.checksum'), row.checksum ?? row.sha256],
            [t('media.label'), row.label],
            [t('field.error'), said(row.error)],
            [t('field.created'), date(row.created)],
          ]}
          actions={(row) => [
            ...(row.state === 'uploading' && !mine.some((upload) => upload.id === row.id)
              ? [{ title: t('media.go-on'), onClick: () => acts.show(<UploadDialog begun={row} run={run} onClose={acts.close} />) }]
              : []),
            {
              title: t('act.delete'),
              isDanger: true,
              onClick: () => {
                uploads.forget(row.id ?? '');
                acts.askDelete({ path: `/media/${row.id}`, name: row.name ?? '', text: t('media.delete-text') });
              },
            },
          ]}
          toolbar={
            <ToolbarItem>
              <Button onClick={() => acts.show(<UploadDialog run={run} onClose={acts.close} />)}>{t('media.upload')}</Button>
            </ToolbarItem>
          }
        />
        {acts.dialog}
      </PageFrame>
    </div>
  );
}
