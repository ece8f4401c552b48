// The history of a template: its versions, where each comes from, what it takes, who uses it, and what is done with it.
import { Button, List, ListItem } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState, type ReactNode } from 'react';
import { Link } from 'react-router-dom';
import { patch, post, remove } from '../api/client';
import type { Desktop, Job, Page, Pool, Template, TemplateVersion } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { ConfirmDialog, Dialog } from '../ui/dialog';
import { FormDialog } from '../ui/form-dialog';
import { RowMenu } from '../ui/row-menu';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { OpenWorkbenchDialog } from './template-workbenches';

const SHOWN = 50;

function UsersDialog({ version, title, onClose }: { version: TemplateVersion; title: string; onClose: () => void }) {
  const { t, number } = useI18n();
  const pools = useGet<Page<Pool>>(`/pools?template_version_id=${version.id}&sort=name&limit=${SHOWN}&total=true`).data;
  const desktops = useGet<Page<Desktop>>(`/desktops?template_version_id=${version.id}&sort=name&limit=${SHOWN}&total=true`).data;
  const more = (page: Page<unknown> | undefined) => Math.max(0, (page?.total ?? 0) - (page?.items.length ?? 0));
  return (
    <Dialog title={`${t('templates.users')}: ${title}`} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
      <List isPlain isBordered>
        {(pools?.items ?? []).map((pool) => (
          <ListItem key={pool.id}>
            {t('field.pool')}: <Link to={`/pools?search=${encodeURIComponent(pool.name ?? '')}`}>{pool.name}</Link>
          </ListItem>
        ))}
        {more(pools) > 0 && <ListItem>{t('templates.more', { count: number(more(pools)) })}</ListItem>}
        {(desktops?.items ?? []).map((desktop) => (
          <ListItem key={desktop.id}>
            {t(desktop.template_id ? 'templates.bench' : 'field.desktop')}: <Link to={`/desktops/${desktop.id}`}>{desktop.name}</Link>{' '}
            <StateLabel of="desktop" state={desktop.state} />
          </ListItem>
        ))}
        {more(desktops) > 0 && <ListItem>{t('templates.more', { count: number(more(desktops)) })}</ListItem>}
      </List>
      {pools?.items.length === 0 && desktops?.items.length === 0 && <p>{t('templates.unused')}</p>}
    </Dialog>
  );
}

export function VersionsDialog({ template, onClose }: { template: Template; onClose: () => void }) {
  const { t, bytes, date, number, said } = useI18n();
  const toasts = useToasts();
  const [inner, setInner] = useState<ReactNode>();
  const { data } = useGet<Page<TemplateVersion>>(`/templates/${template.id}/versions?sort=-number&limit=1000`);
  const back = () => setInner(undefined);
  const titleOf = (row: TemplateVersion) => `${template.name ?? ''} ${row.number ?? ''}`;
  const act = async (row: TemplateVersion, name: string) => {
    try {
      void toasts.follow(await post<Job>(`/template-versions/${row.id}/${name}`, {}), titleOf(row));
    } catch (error) {
      toasts.failure(error);
    }
  };
  const askDelete = (row: TemplateVersion) =>
    setInner(
      <ConfirmDialog
        title={t('confirm.delete', { name: titleOf(row) })}
        text={t('templates.delete-version', { number: row.number ?? 0 })}
        action={t('act.delete')}
        onConfirm={async () => {
          void toasts.follow(await remove<Job>(`/template-versions/${row.id}`), titleOf(row));
        }}
        onClose={back}
      />,
    );
  const askRamDelete = (row: TemplateVersion) =>
    setInner(
      <ConfirmDialog
        title={`${t('templates.ram-delete')}: ${titleOf(row)}`}
        text={t('templates.ram-delete-text')}
        action={t('act.delete')}
        onConfirm={() => remove(`/template-versions/${row.id}/ram`)}
        onClose={back}
      />,
    );
  const notes = (row: TemplateVersion) =>
    setInner(
      <FormDialog
        editing
        title={`${t('field.notes')}: ${titleOf(row)}`}
        fields={[{ name: 'notes', label: t('field.notes'), kind: 'area', help: t('templates.notes-text') }]}
        start={row as never}
        submit={t('act.save')}
        onClose={back}
        onSubmit={(values, version) => patch(`/template-versions/${row.id}`, values, version ?? row.version)}
      />,
    );
  const acts = (row: TemplateVersion) => [
    {
      title: t('templates.change'),
      isDisabled: !row.image || (row.state !== 'ready' && row.state !== 'failed'),
      onClick: () => setInner(<OpenWorkbenchDialog template={template} version={row} onClose={back} />),
    },
    { title: t('templates.users'), onClick: () => setInner(<UsersDialog version={row} title={titleOf(row)} onClose={back} />) },
    { title: t('field.notes'), onClick: () => notes(row) },
    ...(row.state === 'failed' && row.image ? [{ title: t('templates.check'), onClick: () => void act(row, 'check') }] : []),
    ...(row.state === 'ready' ? [{ title: t('templates.verify'), onClick: () => void act(row, 'verify') }] : []),
    ...(row.state === 'ready' && (row.depth ?? 1) > 1 ? [{ title: t('templates.flatten'), onClick: () => void act(row, 'flatten') }] : []),
    ...(row.state === 'ready' && row.os === 'linux' ? [{ title: t('templates.ram'), onClick: () => void act(row, 'ram') }] : []),
    ...(row.ram_image ? [{ title: t('templates.ram-delete'), isDanger: true, onClick: () => askRamDelete(row) }] : []),
    { title: t('act.delete'), isDanger: true, onClick: () => askDelete(row) },
  ];
  if (inner) return <>{inner}</>;
  return (
    <Dialog
      title={`${template.name ?? ''}: ${t('templates.versions')}`}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('act.close')}</Button>}
    >
      {/* measured now and then: 0 is not yet */}
      {template.disk_bytes ? <p>{t('templates.disk-use', { versions: bytes(template.disk_bytes), desktops: bytes(template.desktops_bytes ?? 0) })}</p> : null}
      <Table variant="compact" aria-label={t('templates.versions')}>
        <Thead>
          <Tr>
            <Th modifier="wrap">{t('field.number')}</Th>
            <Th modifier="wrap">{t('field.state')}</Th>
            <Th modifier="wrap">{t('templates.from')}</Th>
            <Th modifier="wrap">{t('field.desktops')}</Th>
            <Th modifier="wrap">{t('templates.takes')}</Th>
            <Th modifier="wrap">{t('field.created')}</Th>
            <Th modifier="wrap">{t('field.notes')}</Th>
            <Th screenReaderText={t('act.more')} />
          </Tr>
        </Thead>
        <Tbody>
          {(data?.items ?? []).map((row) => (
            <Tr key={row.id}>
              <Td dataLabel={t('field.number')}>{number(row.number ?? 0)}</Td>
              <Td dataLabel={t('field.state')}>
                <StateLabel of="version" state={row.state} /> {row.damage && <StateLabel of="version" state="damaged" />}
              </Td>
              <Td dataLabel={t('templates.from')}>{row.parent_number ? number(row.parent_number) : '–'}</Td>
              <Td dataLabel={t('field.desktops')}>{number(row.desktops ?? 0)}</Td>
              <Td dataLabel={t('templates.takes')}>{row.disk_bytes ? bytes(row.disk_bytes) : '–'}</Td>
              <Td dataLabel={t('field.created')}>
                {date(row.created)}
                {row.author && ` · ${row.author}`}
              </Td>
              <Td dataLabel={t('field.notes')}>
                {[row.notes, row.error ? said(row.error) : null, row.damage, row.ram_image ? t('templates.ram-made', { when: date(row.ram_made) }) : null, row.ram_error ? said(row.ram_error) : null].filter(Boolean).join(' · ')}
              </Td>
              <Td isActionCell>
                <RowMenu name={titleOf(row)} items={() => acts(row)} />
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {data?.items.length === 0 && <p>{t('table.empty')}</p>}
    </Dialog>
  );
}
