// The workbenches of a template: opened on a version, kept, published, discarded.
import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router-dom';
import { get, post, remove } from '../api/client';
import type { Desktop, Job, Page, Template, TemplateVersion } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { ConfirmDialog, Dialog } from '../ui/dialog';
import { FormDialog } from '../ui/form-dialog';
import { RowMenu } from '../ui/row-menu';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';

/** Follows the job that makes a workbench, and shows its screen then, unless the person has gone elsewhere. */
export function useOpenScreen(): (job: Job, name: string) => void {
  const toasts = useToasts();
  const navigate = useNavigate();
  return (job, name) => {
    const here = window.location.pathname;
    void toasts.follow(job, name).then((end) => {
      if (end.state === 'done' && window.location.pathname === here) navigate(`/console/${end.object_id}`);
    });
  };
}

/** Asks on what a workbench is to be opened, and opens it. */
export function OpenWorkbenchDialog({ template, version, onClose }: { template: Template; version?: TemplateVersion; onClose: () => void }) {
  const { t } = useI18n();
  const openScreen = useOpenScreen();
  return (
    <FormDialog
      title={`${t('templates.change')}: ${template.name ?? ''}${version ? ` ${version.number ?? ''}` : ''}`}
      intro={t('templates.change-text')}
      fields={[
        { name: 'network_id', label: t('noun.network'), kind: 'search', path: '/networks', help: t('templates.change-network') },
        { name: 'memory_mib', label: t('field.memory'), kind: 'number', help: t('templates.change-hardware') },
        { name: 'vcpus', label: t('field.vcpus'), kind: 'number', help: t('templates.change-hardware') },
        { name: 'disk_gib', label: t('templates.disk'), kind: 'number', help: t('templates.change-disk') },
      ]}
      submit={t('templates.open')}
      onClose={onClose}
      onSubmit={async (values) => {
        const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== null));
        const body = version ? { ...given, version_id: version.id } : given;
        openScreen(await post<Job>(`/templates/${template.id}/workbenches`, body), template.name ?? '');
      }}
    />
  );
}

function PublishDialog({ bench, onClose }: { bench: Desktop; onClose: () => void }) {
  const { t } = useI18n();
  const toasts = useToasts();
  const name = bench.template_name ?? '';
  /** The check comes after the sealing, as a job of its own. */
  const follow = async (job: Job) => {
    await toasts.follow(job, name);
    const { result } = await get<Job>(`/jobs/${job.id}`);
    const check = (result as { check_job?: string } | null)?.check_job;
    if (check) await toasts.follow(await get<Job>(`/jobs/${check}`), name);
  };
  return (
    <FormDialog
      title={`${t('templates.publish')}: ${bench.name ?? ''}`}
      intro={t('templates.publish-text')}
      fields={[
        { name: 'notes', label: t('field.notes'), kind: 'area', help: t('templates.notes-text') },
        { name: 'shutdown', label: t('templates.publish-shutdown'), kind: 'switch' },
        { name: 'force', label: t('templates.force'), kind: 'switch' },
      ]}
      start={{ shutdown: bench.state === 'ready' }}
      submit={t('templates.publish')}
      onClose={onClose}
      onSubmit={async (values) => {
        void follow(await post<Job>(`/workbenches/${bench.id}/finish`, values)).catch(toasts.failure);
      }}
    />
  );
}

function DiscardDialog({ bench, onClose }: { bench: Desktop; onClose: () => void }) {
  const { t } = useI18n();
  const toasts = useToasts();
  return (
    <ConfirmDialog
      title={`${t('templates.discard')}: ${bench.name ?? ''}`}
      text={t('templates.discard-text')}
      action={t('templates.discard')}
      onConfirm={async () => {
        void toasts.follow(await remove<Job>(`/desktops/${bench.id}`), bench.name ?? '');
      }}
      onClose={onClose}
    />
  );
}

export function WorkbenchesDialog({ template, onClose }: { template: Template; onClose: () => void }) {
  const { t, number, bytes, date } = useI18n();
  const toasts = useToasts();
  const navigate = useNavigate();
  const [inner, setInner] = useState<ReactNode>();
  const { data } = useGet<Page<Desktop>>(`/desktops?template_id=${template.id}&limit=100`);
  const back = () => setInner(undefined);
  const power = async (bench: Desktop, act: string) => {
    try {
      void toasts.follow(await post<Job>(`/desktops/${bench.id}/${act}`, {}), bench.name ?? '');
    } catch (error) {
      toasts.failure(error);
    }
  };
  const acts = (bench: Desktop) => [
    { title: t('templates.screen'), onClick: () => navigate(`/console/${bench.id}`) },
    { title: t('templates.workbench'), onClick: () => navigate(`/desktops/${bench.id}`) },
    bench.state === 'ready'
      ? { title: t('templates.keep'), onClick: () => void power(bench, 'shutdown') }
      : { title: t('templates.resume'), isDisabled: bench.state !== 'off', onClick: () => void power(bench, 'start') },
    { title: t('templates.publish'), onClick: () => setInner(<PublishDialog bench={bench} onClose={back} />) },
    { title: t('templates.discard'), isDanger: true, onClick: () => setInner(<DiscardDialog bench={bench} onClose={back} />) },
  ];
  if (inner) return <>{inner}</>;
  return (
    <Dialog
      title={`${t('templates.workbenches')}: ${template.name ?? ''}`}
      onClose={onClose}
      footer={
        <>
          <Button isDisabled={!template.newest} onClick={() => setInner(<OpenWorkbenchDialog template={template} onClose={back} />)}>
            {t('templates.change')}
          </Button>
          <Button variant="link" onClick={onClose}>
            {t('act.close')}
          </Button>
        </>
      }
    >
      <p>{t('templates.workbenches-text')}</p>
      <Table variant="compact" aria-label={t('templates.workbenches')}>
        <Thead>
          <Tr>
            <Th modifier="wrap">{t('field.name')}</Th>
            <Th modifier="wrap">{t('field.state')}</Th>
            <Th modifier="wrap">{t('templates.on-version')}</Th>
            <Th modifier="wrap">{t('templates.takes')}</Th>
            <Th modifier="wrap">{t('field.created')}</Th>
            <Th screenReaderText={t('act.more')} />
          </Tr>
        </Thead>
        <Tbody>
          {(data?.items ?? []).map((bench) => (
            <Tr key={bench.id}>
              <Td dataLabel={t('field.name')}>{bench.name}</Td>
              <Td dataLabel={t('field.state')}>
                <StateLabel of="desktop" state={bench.state} />
              </Td>
              <Td dataLabel={t('templates.on-version')}>{bench.template_version_id ? number(bench.template_number ?? 0) : '–'}</Td>
              <Td dataLabel={t('templates.takes')}>{bench.disk_bytes ? bytes(bench.disk_bytes) : '–'}</Td>
              <Td dataLabel={t('field.created')}>{date(bench.created)}</Td>
              <Td isActionCell>
                <RowMenu name={bench.name ?? ''} items={() => acts(bench)} />
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {data?.items.length === 0 && <p>{t('table.empty')}</p>}
    </Dialog>
  );
}
