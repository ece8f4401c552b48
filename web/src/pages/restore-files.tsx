// A restore point, opened to read: its folders, and one file of it given back.
import { Button, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { post, queryString, requestRaw } from '../api/client';
import { download } from '../data/connect';
import type { Desktop, Job, RestorePoint } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { Dialog } from '../ui/dialog';
import { ProblemAlert } from '../ui/problem';
import { RowMenu } from '../ui/row-menu';
import { useToasts } from '../ui/toasts';

interface PointFile {
  name: string;
  kind: 'file' | 'directory' | 'link' | 'other';
  bytes: number;
  modified: string;
}

interface Props {
  desktop: Desktop;
  point: RestorePoint;
  onClose: () => void;
}

const above = (path: string): string => path.replace(/\/[^/]*$/, '') || '/';
const inside = (path: string, name: string): string => `${path === '/' ? '' : path}/${name}`;

export function PointFilesDialog({ desktop, point, onClose }: Props) {
  const { t, date, bytes } = useI18n();
  const toasts = useToasts();
  const disks = [
    ...(point.personal_disk_id ? [{ value: 'personal', label: t('points.personal') }] : []),
    ...(point.system ? [{ value: 'system', label: t('points.system') }] : []),
  ];
  const [disk, setDisk] = useState(disks[0]?.value ?? 'system');
  const [path, setPath] = useState('/');
  const { data, error } = useGet<{ items: PointFile[]; next?: string | null }>(`/restore-points/${point.id}/files${queryString({ disk, path, limit: 1000 })}`);
  const giveBack = async (name: string) => {
    try {
      void toasts.follow(await post<Job>(`/restore-points/${point.id}/give-back`, { disk, path: inside(path, name) }), name);
    } catch (why) {
      toasts.failure(why);
    }
  };
  /** Read as a whole before it is saved, so that a refusal is told and not saved in its place. */
  const take = async (name: string) => {
    try {
      const answer = await requestRaw(`/restore-points/${point.id}/file${queryString({ disk, path: inside(path, name) })}`);
      download(name, await answer.blob());
    } catch (why) {
      toasts.failure(why);
    }
  };
  return (
    <Dialog
      title={t('points.files-of', { time: date(point.taken) })}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('act.close')}</Button>}
    >
      <p>{t('points.files-text')}</p>
      {disks.length > 1 && (
        <FormSelect
          aria-label={t('points.disk')}
          value={disk}
          onChange={(_, next) => {
            setDisk(next);
            setPath('/');
          }}
        >
          {disks.map((it) => (
            <FormSelectOption key={it.value} value={it.value} label={it.label} />
          ))}
        </FormSelect>
      )}
      <p>
        <Button variant="link" isInline isDisabled={path === '/'} onClick={() => setPath(above(path))}>
          {t('points.up')}
        </Button>{' '}
        <strong>{path}</strong>
      </p>
      <ProblemAlert error={error} />
      <Table variant="compact" aria-label={t('points.files')}>
        <Thead>
          <Tr>
            <Th modifier="wrap">{t('field.name')}</Th>
            <Th modifier="wrap">{t('points.size')}</Th>
            <Th modifier="wrap">{t('points.modified')}</Th>
            <Th screenReaderText={t('act.more')} />
          </Tr>
        </Thead>
        <Tbody>
          {(data?.items ?? []).map((file) => (
            <Tr key={file.name}>
              <Td dataLabel={t('field.name')}>
                {file.kind === 'directory' ? (
                  <Button variant="link" isInline onClick={() => setPath(inside(path, file.name))}>
                    {file.name}/
                  </Button>
                ) : (
                  file.name
                )}
              </Td>
              <Td dataLabel={t('points.size')}>{file.kind === 'file' ? bytes(file.bytes) : '–'}</Td>
              <Td dataLabel={t('points.modified')}>{date(file.modified)}</Td>
              <Td isActionCell>
                {file.kind === 'file' && (
                  <RowMenu
                    name={file.name}
                    items={() => [
                      { title: t('points.give-back'), onClick: () => void giveBack(file.name) },
                      { title: t('points.download'), onClick: () => void take(file.name) },
                    ]}
                  />
                )}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {data?.items.length === 0 && <p>{t('points.files-empty')}</p>}
      {data?.next && <p>{t('points.files-more')}</p>}
      <small>{t('points.give-back-text', { name: desktop.name ?? '' })}</small>
    </Dialog>
  );
}
