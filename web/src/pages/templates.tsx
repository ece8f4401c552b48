import { Button, FileUpload, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, Progress, TextInput, ToolbarItem } from '@patternfly/react-core';
import { useState } from 'react';
import { patch, post } from '../api/client';
import { upload } from '../data/upload';
import type { Job, Template } from '../data/types';
import { useI18n } from '../i18n';
import { DataTable } from '../ui/data-table';
import { Dialog } from '../ui/dialog';
import { FormDialog, type Field } from '../ui/form-dialog';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { useToasts } from '../ui/toasts';
import { useActs } from '../ui/use-acts';
import { VersionsDialog } from './template-versions';
import { useOpenScreen, WorkbenchesDialog } from './template-workbenches';

const choice = (values: string[]) => values.map((value) => ({ value, label: value }));

function ImportDialog({ template, onClose }: { template: Template; onClose: () => void }) {
  const { t } = useI18n();
  const toasts = useToasts();
  const [file, setFile] = useState<File>();
  const [path, setPath] = useState('');
  const [notes, setNotes] = useState('');
  const [percent, setPercent] = useState<number>();
  const [error, setError] = useState<unknown>();

  const send = async () => {
    setError(undefined);
    try {
      const source = file ? { upload: await upload(file, setPercent) } : { path: path.trim() };
      const job = await post<Job>(`/templates/${template.id}/versions`, notes.trim() ? { ...source, notes: notes.trim() } : source);
      void toasts.follow(job, template.name ?? '');
      onClose();
    } catch (why) {
      setError(why);
      setPercent(undefined);
    }
  };
  const busy = percent !== undefined;
  return (
    <Dialog
      title={`${t('templates.import')}: ${template.name ?? ''}`}
      onClose={onClose}
      footer={
        <>
          <Button isDisabled={busy || (!file && path.trim() === '')} isLoading={busy} onClick={() => void send()}>
            {t('act.import')}
          </Button>
          <Button variant="link" onClick={onClose}>
            {t('act.cancel')}
          </Button>
        </>
      }
    >
      <p>{t('templates.import-text')}</p>
      <Form>
        <FormGroup label={t('field.file')} fieldId="image-file">
          <FileUpload
            id="image-file"
            filename={file?.name ?? ''}
            filenameAriaLabel={t('field.file')}
            browseButtonText={t('act.open')}
            clearButtonText={t('act.remove')}
            hideDefaultPreview
            onFileInputChange={(_, chosen) => setFile(chosen)}
            onClearClick={() => setFile(undefined)}
          />
        </FormGroup>
        <FormGroup label={t('field.path')} fieldId="image-path">
          <TextInput id="image-path" value={path} isDisabled={!!file} onChange={(_, value) => setPath(value)} />
        </FormGroup>
        <FormGroup label={t('field.notes')} fieldId="image-notes">
          <TextInput id="image-notes" value={notes} onChange={(_, value) => setNotes(value)} />
          <FormHelperText>
            <HelperText>
              <HelperTextItem>{t('templates.notes-text')}</HelperTextItem>
            </HelperText>
          </FormHelperText>
        </FormGroup>
      </Form>
      {percent !== undefined && <Progress title={t('templates.uploading', { percent: Math.round(percent) })} value={percent} />}
      <ProblemAlert error={error} />
    </Dialog>
  );
}

export default function TemplatesPage() {
  const { t, number, bytes, date } = useI18n();
  const acts = useActs();
  const openScreen = useOpenScreen();
  const edited: Field[] = [
    { name: 'name', label: t('field.name'), required: true },
    { name: 'description', label: t('field.description'), kind: 'area' },
    { name: 'os', label: t('field.os'), kind: 'choice', options: choice(['linux', 'windows', 'other']) },
  ];
  const fields: Field[] = [
    ...edited,
    { name: 'firmware', label: t('field.firmware'), kind: 'choice', options: choice(['bios', 'uefi']) },
    { name: 'access', label: t('field.access'), kind: 'choice', options: choice(['rdp', 'spice']) },
  ];
  const importInto = (row: Template) => acts.show(<ImportDialog template={row} onClose={acts.close} />);
  const add = () =>
    acts.show(
      <FormDialog
        title={t('templates.add')}
        fields={fields}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={async (values) => {
          const made = await post<Template>('/templates', values);
          setTimeout(() => importInto(made));
        }}
      />,
    );
  const installed: Field[] = [
    { name: 'name', label: t('field.name'), required: true },
    { name: 'media_id', label: t('noun.media'), kind: 'search', path: '/media?state=ready&bootable=true', required: true },
    { name: 'os_type', label: t('field.os'), kind: 'choice', options: choice(['linux', 'windows-10', 'windows-11', 'windows-old']) },
    { name: 'disk_gib', label: t('templates.disk'), kind: 'number' },
    { name: 'memory_mib', label: t('templates.memory'), kind: 'number' },
    { name: 'vcpus', label: t('templates.cpus'), kind: 'number' },
    { name: 'network_id', label: t('noun.network'), kind: 'search', path: '/networks', required: true },
    { name: 'access', label: t('field.access'), kind: 'choice', options: choice(['rdp', 'spice']) },
    { name: 'description', label: t('field.description'), kind: 'area' },
  ];
  const install = () =>
    acts.show(
      <FormDialog
        title={t('templates.install')}
        intro={t('templates.install-text')}
        fields={installed}
        start={{ disk_gib: 20, memory_mib: 2048, vcpus: 2 }}
        submit={t('act.add')}
        onClose={acts.close}
        onSubmit={async (values) => {
          openScreen(await post<Job>('/workbenches', values), String(values.name));
        }}
      />,
    );
  const edit = (row: Template) =>
    acts.show(
      <FormDialog
        editing
        title={`${t('act.edit')}: ${row.name ?? ''}`}
        fields={edited}
        start={row as never}
        submit={t('act.save')}
        onClose={acts.close}
        onSubmit={(values, version) => patch(`/templates/${row.id}`, values, version ?? row.version)}
      />,
    );
  return (
    <PageFrame title={t('templates.title')}>
      <DataTable<Template>
        label={t('templates.title')}
        path="/templates"
        sort="name"
        nameOf={(row) => row.name ?? ''}
        empty={t('templates.empty')}
        columns={[
          { key: 'name', label: t('field.name'), sortable: true, render: (row) => row.name },
          { key: 'os', label: t('field.os'), render: (row) => row.os },
          { key: 'firmware', label: t('field.firmware'), render: (row) => row.firmware },
          { key: 'access', label: t('field.access'), render: (row) => row.access },
          { key: 'versions', label: t('field.versions'), render: (row) => number(row.versions ?? 0) },
          { key: 'newest', label: t('field.newest'), render: (row) => (row.newest ? number(row.newest) : '–') },
          { key: 'desktops', label: t('field.desktops'), render: (row) => number(row.desktops ?? 0) },
          { key: 'workbenches', label: t('templates.workbenches'), render: (row) => (row.workbenches ? number(row.workbenches) : '–') },
        ]}
        details={(row) => [
          [t('field.description'), row.description],
          [t('field.os'), row.os],
          [t('field.firmware'), row.firmware],
          [t('field.access'), row.access],
          [t('templates.takes'), t('templates.disk-use', { versions: bytes(row.disk_bytes ?? 0), desktops: bytes(row.desktops_bytes ?? 0) })],
          [t('field.created'), date(row.created)],
        ]}
        actions={(row) => [
          { title: t('templates.workbenches'), onClick: () => acts.show(<WorkbenchesDialog template={row} onClose={acts.close} />) },
          { title: t('templates.import'), onClick: () => importInto(row) },
          { title: t('templates.versions'), onClick: () => acts.show(<VersionsDialog template={row} onClose={acts.close} />) },
          { title: t('act.edit'), onClick: () => edit(row) },
          {
            title: t('act.delete'),
            isDanger: true,
            onClick: () =>
              acts.askDelete({
                path: `/templates/${row.id}`,
                name: row.name ?? '',
                text: t('templates.delete-text'),
                version: row.version,
                typeName: true,
              }),
          },
        ]}
        toolbar={
          <>
            <ToolbarItem>
              <Button onClick={add}>{t('templates.add')}</Button>
            </ToolbarItem>
            <ToolbarItem>
              <Button variant="secondary" onClick={install}>
                {t('templates.install')}
              </Button>
            </ToolbarItem>
          </>
        }
      />
      {acts.dialog}
    </PageFrame>
  );
}
