// A person's desktops: a card each, with its live state and picture and one large button.
import {
  Alert,
  Button,
  Card,
  CardBody,
  CardFooter,
  CardHeader,
  CardTitle,
  Dropdown,
  DropdownItem,
  DropdownList,
  EmptyState,
  EmptyStateBody,
  FormSelect,
  FormSelectOption,
  MenuToggle,
  Progress,
  Skeleton,
} from '@patternfly/react-core';
import { DesktopIcon } from '@patternfly/react-icons/dist/esm/icons/desktop-icon';
import { EllipsisVIcon } from '@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useNavigate } from 'react-router-dom';
import { post } from '../api/client';
import { connect, save, waysOf, type ConnectAnswer, type Way } from '../data/connect';
import type { Desktop, Job } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { ConfirmDialog, SecretDialog } from '../ui/dialog';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { StateLabel } from '../ui/state-label';
import { useToasts } from '../ui/toasts';

export interface PortalEntry {
  pool_id: string;
  pool_name: string;
  access: string;
  /** false: taken back; the desktop is kept. */
  given?: boolean;
  /** Whether the person may go back to restore points. */
  restore?: boolean;
  desktop: Desktop | null;
}

const RestorePointsDialog = lazy(async () => ({ default: (await import('./restore-points')).RestorePointsDialog }));

const RUNS = ['ready', 'preparing', 'starting'];

function Preparing({ job }: { job: Job }) {
  const { t, word } = useI18n();
  const step = job.step ? word('step', job.step) : word('job.state', job.state);
  return (
    <div role="status">
      <Progress title={t(job.kind === 'desktop-wake' ? 'portal.waking' : 'portal.preparing')} value={job.progress ?? 0} label={step} valueText={step} size="sm" />
    </div>
  );
}

function PowerMenu({ desktop, onRebuild, onPoints }: { desktop: Desktop; onRebuild: () => void; onPoints?: (() => void) | undefined }) {
  const { t } = useI18n();
  const toasts = useToasts();
  const [open, setOpen] = useState(false);
  const act = async (verb: string) => {
    try {
      const job = await post<Job>(`/desktops/${desktop.id}/${verb}`);
      await toasts.follow(job, desktop.name ?? '');
    } catch (error) {
      toasts.failure(error);
    }
  };
  const runs = RUNS.includes(desktop.state ?? '');
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right', appendTo: 'inline' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plain"
          isExpanded={open}
          aria-label={t('table.actions', { name: desktop.name ?? '' })}
          onClick={() => setOpen(!open)}
        >
          <EllipsisVIcon />
        </MenuToggle>
      )}
    >
      <DropdownList>
        {!runs && <DropdownItem onClick={() => void act('start')}>{t('portal.start')}</DropdownItem>}
        {runs && <DropdownItem onClick={() => void act('shutdown')}>{t('portal.shutdown')}</DropdownItem>}
        {runs && <DropdownItem onClick={() => void act('reboot')}>{t('portal.reboot')}</DropdownItem>}
        {onPoints && <DropdownItem onClick={onPoints}>{t('points.menu')}</DropdownItem>}
        <DropdownItem isDanger onClick={onRebuild}>
          {t('portal.rebuild')}
        </DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}

function WayChoice({ ways, value, onChange }: { ways: Way[]; value: Way; onChange: (way: Way) => void }) {
  const { t } = useI18n();
  if (ways.length < 2) return null;
  return (
    <FormSelect aria-label={t('portal.way')} value={value} onChange={(_, next) => onChange(next as Way)}>
      {ways.map((way) => (
        <FormSelectOption key={way} value={way} label={t(`portal.way.${way}`)} />
      ))}
    </FormSelect>
  );
}

const PICTURE_MS = 15_000;

/** What the desktop shows, renewed while the page is looked at. A desktop reached by RDP has no such picture: its screen
 *  shows nobody's session. Then, and while it does not run, an icon stands there. */
function Picture({ entry }: { entry: PortalEntry }) {
  const { t } = useI18n();
  const { desktop } = entry;
  const wanted = entry.access === 'spice' && entry.given !== false && desktop?.state === 'ready';
  const [turn, setTurn] = useState(0);
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    if (!wanted) return undefined;
    setBroken(false);
    const timer = setInterval(() => {
      if (document.hidden) return;
      setTurn((before) => before + 1);
      setBroken(false);
    }, PICTURE_MS);
    return () => clearInterval(timer);
  }, [wanted]);
  if (wanted && !broken)
    return (
      <img
        className="yd-picture"
        alt={t('portal.screen', { name: entry.pool_name })}
        src={`/api/v1/desktops/${desktop.id}/picture?turn=${turn}`}
        onError={() => setBroken(true)}
      />
    );
  return (
    <div className="yd-picture" data-runs={RUNS.includes(desktop?.state ?? '')}>
      <DesktopIcon />
    </div>
  );
}

function DesktopCard({ entry }: { entry: PortalEntry }) {
  const { t, said } = useI18n();
  const navigate = useNavigate();
  const toasts = useToasts();
  const ways = waysOf(entry.access);
  const [way, setWay] = useState<Way>(ways[0] ?? 'rdp');
  const [job, setJob] = useState<Job>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [answer, setAnswer] = useState<ConnectAnswer>();
  const [asking, setAsking] = useState(false);
  const [points, setPoints] = useState(false);
  const { desktop } = entry;
  const taken = entry.given === false;
  // A .vv file has its password inside.
  const secret = answer?.protocol === 'rdp' ? (answer.password ?? undefined) : undefined;

  const open = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    if (way === 'rdp-web') import('../viewer/rdp-page').catch(() => undefined); // comes while the desktop is made ready
    try {
      const ready = await connect(entry, way, setJob);
      if (way === 'rdp-web') navigate(`/desktop/${ready.desktop_id ?? desktop?.id ?? ''}`, { state: { answer: ready } });
      else {
        save(ready);
        setAnswer(ready);
      }
    } catch (why) {
      setError(why);
    } finally {
      setBusy(false);
      setJob(undefined);
    }
  };
  const rebuild = async () => {
    const started = await post<Job>(`/desktops/${desktop?.id ?? ''}/rebuild`);
    void toasts.follow(started, entry.pool_name);
  };

  return (
    <Card data-testid="desktop-card">
      <CardHeader
        actions={{
          actions: desktop && !taken ? <PowerMenu desktop={desktop} onRebuild={() => setAsking(true)} onPoints={entry.restore ? () => setPoints(true) : undefined} /> : <span />,
          hasNoOffset: true,
        }}
      >
        <CardTitle component="h2">{entry.pool_name}</CardTitle>
      </CardHeader>
      <CardBody>
        <Picture entry={entry} />
      </CardBody>
      <CardBody>
        {desktop ? <StateLabel of="desktop" state={desktop.state} /> : t('portal.not-made')}
        {desktop?.error && <p>{said(desktop.error)}</p>}
        {desktop?.fixed_port ? (
          <p>{t('portal.fixed-port', { address: `${window.location.hostname}:${desktop.fixed_port}` })}</p>
        ) : null}
        {desktop?.target_version_id && !taken && <Alert component="p" isInline isPlain variant="info" title={t('portal.update')} />}
        {taken && <Alert component="p" isInline isPlain variant="info" title={t('portal.taken')} />}
        {job && <Preparing job={job} />}
        <ProblemAlert error={error} />
      </CardBody>
      <CardFooter className="yd-connect">
        {!taken && <WayChoice ways={ways} value={way} onChange={setWay} />}
        <Button isBlock size="lg" isLoading={busy} isDisabled={busy || taken} onClick={() => void open()}>
          {t('portal.connect')}
        </Button>
      </CardFooter>
      {answer && (
        <SecretDialog
          title={t(secret ? 'portal.once.title' : 'portal.once.file')}
          text={t(secret ? 'portal.once.text' : 'portal.once.spice')}
          username={answer.username ?? undefined}
          secret={secret}
          onClose={() => setAnswer(undefined)}
        />
      )}
      {points && desktop && (
        <Suspense>
          <RestorePointsDialog desktop={desktop} onClose={() => setPoints(false)} />
        </Suspense>
      )}
      {asking && desktop && (
        <ConfirmDialog
          title={t('portal.rebuild')}
          text={t(desktop.personal_disk_gib ? 'portal.rebuild-keeps' : 'portal.rebuild-text')}
          action={t('portal.rebuild')}
          typeName={entry.pool_name}
          onConfirm={rebuild}
          onClose={() => setAsking(false)}
        />
      )}
    </Card>
  );
}

export default function PortalPage() {
  const { t } = useI18n();
  const { data, error } = useGet<{ items: PortalEntry[] }>('/me/desktops');
  return (
    <PageFrame title={t('portal.title')}>
      <ProblemAlert error={error} />
      {!data && !error && <Skeleton height="14rem" screenreaderText={t('app.loading')} />}
      {data?.items.length === 0 && (
        <EmptyState titleText={t('portal.empty')} headingLevel="h2">
          <EmptyStateBody>{t('portal.empty-text')}</EmptyStateBody>
        </EmptyState>
      )}
      <div className="yd-cards">
        {data?.items.map((entry) => <DesktopCard key={entry.pool_id} entry={entry} />)}
      </div>
    </PageFrame>
  );
}
