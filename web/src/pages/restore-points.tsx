// Restore points: the moments a desktop can go back to. A list on the desktop's page, and a dialog of the portal.
import { Button, Checkbox } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr, type IAction } from '@patternfly/react-table';
import { useState, type ReactNode } from 'react';
import { post, remove } from '../api/client';
import type { Desktop, Job, Page, RestorePoint } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { ConfirmDialog, Dialog } from '../ui/dialog';
import { FormDialog } from '../ui/form-dialog';
import { ProblemAlert } from '../ui/problem';
import { RowMenu } from '../ui/row-menu';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';
import { PointFilesDialog } from './restore-files';

interface Part {
  desktop: Desktop;
  onClose: () => void;
}

function MakeDialog({ desktop, onClose }: Part) {
  const { t } = useI18n();
  const toasts = useToasts();
  return (
    <FormDialog
      title={t('points.make')}
      intro={t('points.make-text')}
      fields={[{ name: 'note', label: t('points.note'), help: t('points.note-text') }]}
      submit={t('points.make')}
      onClose={onClose}
      onSubmit={async (values) => {
        void toasts.follow(await post<Job>(`/desktops/${desktop.id}/restore-points`, values), desktop.name ?? '');
      }}
    />
  );
}

/** Whether the point has the personal disk that the desktop has now. */
const hasPersonal = (point: RestorePoint, desktop: Desktop): boolean =>
  !!point.personal_disk_id && point.personal_disk_id === desktop.personal_disk_id;

function BackDialog({ desktop, point, onClose }: Part & { point: RestorePoint }) {
  const { t, date } = useI18n();
  const toasts = useToasts();
  const canSystem = point.system === true;
  const canPersonal = hasPersonal(point, desktop);
  const [system, setSystem] = useState(canSystem);
  const [personal, setPersonal] = useState(canPersonal);
  return (
    <ConfirmDialog
      title={t('points.back-to', { time: date(point.taken) })}
      text={t('points.back-text')}
      action={t('points.back')}
      extra={
        <>
          <Checkbox
            id="point-system"
            label={t('points.system')}
            description={t(canSystem ? 'points.system-text' : 'points.system-gone')}
            isChecked={system}
            isDisabled={!canSystem}
            onChange={(_, on) => setSystem(on)}
          />
          {desktop.personal_disk_id && (
            <Checkbox
              id="point-personal"
              label={t('points.personal')}
              description={t(canPersonal ? 'points.personal-text' : 'points.personal-none')}
              isChecked={personal}
              isDisabled={!canPersonal}
              onChange={(_, on) => setPersonal(on)}
            />
          )}
        </>
      }
      onConfirm={async () => {
        void toasts.follow(await post<Job>(`/restore-points/${point.id}/restore`, { system, personal }), desktop.name ?? '');
      }}
      onClose={onClose}
    />
  );
}

function DeleteDialog({ desktop, point, onClose }: Part & { point: RestorePoint }) {
  const { t, date } = useI18n();
  const toasts = useToasts();
  return (
    <ConfirmDialog
      title={t('confirm.delete', { name: date(point.taken) })}
      text={t('points.delete-text')}
      action={t('act.delete')}
      onConfirm={async () => {
        void toasts.follow(await remove<Job>(`/restore-points/${point.id}`, point.version), desktop.name ?? '');
      }}
      onClose={onClose}
    />
  );
}

interface ListProps {
  desktop: Desktop;
  /** An administrator may look into them. */
  files: boolean;
  show: (dialog: ReactNode) => void;
  close: () => void;
}

function Points({ desktop, files, show, close }: ListProps) {
  const { t, date, word, said } = useI18n();
  const { data, error } = useGet<Page<RestorePoint>>(`/restore-points?desktop_id=${desktop.id}&sort=-taken&limit=100`);
  const acts = (point: RestorePoint): IAction[] => {
    const ready = point.state === 'ready';
    const usable = point.system === true || hasPersonal(point, desktop);
    return [
      { title: t('points.back'), isDisabled: !ready || !usable, onClick: () => show(<BackDialog desktop={desktop} point={point} onClose={close} />) },
      ...(files ? [{ title: t('points.files'), isDisabled: !ready || !usable, onClick: () => show(<PointFilesDialog desktop={desktop} point={point} onClose={close} />) }] : []),
      { title: t('act.delete'), isDanger: true, isDisabled: !ready && point.state !== 'failed', onClick: () => show(<DeleteDialog desktop={desktop} point={point} onClose={close} />) },
    ];
  };
  const parts = (point: RestorePoint) =>
    [point.system === true && t('points.system'), hasPersonal(point, desktop) && t('points.personal')].filter(Boolean).join(', ') || '–';
  if (error) return <ProblemAlert error={error} />;
  if (data?.items.length === 0) return <p>{t('points.empty')}</p>;
  return (
    <Table variant="compact" aria-label={t('points.title')}>
      <Thead>
        <Tr>
          <Th modifier="wrap">{t('points.time')}</Th>
          <Th modifier="wrap">{t('points.kind')}</Th>
          <Th modifier="wrap">{t('points.parts')}</Th>
          <Th screenReaderText={t('act.more')} />
        </Tr>
      </Thead>
      <Tbody>
        {(data?.items ?? []).map((point) => (
          <Tr key={point.id}>
            <Td dataLabel={t('points.time')}>
              {date(point.taken || point.created)} {point.state !== 'ready' && <StateLabel of="restore-point" state={point.state} />}
              {point.note && <div>{point.note}</div>}
              {point.error && <div>{said(point.error)}</div>}
            </Td>
            <Td dataLabel={t('points.kind')}>{word('restore-point.kind', point.kind)}</Td>
            <Td dataLabel={t('points.parts')}>{parts(point)}</Td>
            <Td isActionCell>
              <RowMenu name={date(point.taken || point.created)} items={() => acts(point)} />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

/** The list with its button, for the desktop's page. */
export function RestorePoints({ desktop, files, show, close }: ListProps) {
  const { t } = useI18n();
  return (
    <>
      <Points desktop={desktop} files={files} show={show} close={close} />
      <Button variant="secondary" onClick={() => show(<MakeDialog desktop={desktop} onClose={close} />)}>
        {t('points.make')}
      </Button>
    </>
  );
}

/** The same for a person, in the portal. */
export function RestorePointsDialog({ desktop, onClose }: Part) {
  const { t } = useI18n();
  const [inner, setInner] = useState<ReactNode>();
  const back = () => setInner(undefined);
  if (inner) return <>{inner}</>;
  return (
    <Dialog
      title={t('points.title')}
      onClose={onClose}
      footer={
        <>
          <Button onClick={() => setInner(<MakeDialog desktop={desktop} onClose={back} />)}>{t('points.make')}</Button>
          <Button variant="link" onClick={onClose}>
            {t('act.close')}
          </Button>
        </>
      }
    >
      <p>{t('points.text')}</p>
      <Points desktop={desktop} files={false} show={setInner} close={back} />
    </Dialog>
  );
}
