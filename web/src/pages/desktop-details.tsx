import {
  Button,
  Card,
  CardBody,
  CardTitle,
  Gallery,
  Skeleton,
} from '@patternfly/react-core';
import { useEffect, useState, type ReactNode } from 'react';
import { Link, useNavigate, useParams } from 'react-router-dom';
import { get } from '../api/client';
import { useRole } from '../data/session';
import type { Connection, Desktop, Job, Page } from '../data/types';
import { useGet } from '../data/use-get';
import { fill, useI18n, type Params } from '../i18n';
import { Chart } from '../ui/chart';
import { RowMenu } from '../ui/row-menu';
import { Facts, type Fact } from '../ui/facts';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { Screen } from '../ui/screen';
import { QualityLabel } from '../ui/quality';
import { StateLabel } from '../ui/state-label';
import { useActs } from '../ui/use-acts';
import { useDesktopActs, useDesktopMenu } from './desktops';
import { RestorePoints } from './restore-points';

interface Stats {
  age_ms: number;
  cpu_percent: number;
  memory_used_mib: number;
  disk_read_rate: number;
  disk_written_rate: number;
  net_in_rate: number;
  net_out_rate: number;
}

const EVERY_MS = 3000;
const KEPT = 60;

/** Live readings while the page is looked at; they are no changes, so no event tells of them. */
function useStats(id: string, runs: boolean): Stats[] {
  const [readings, setReadings] = useState<Stats[]>([]);
  useEffect(() => {
    if (!runs) return undefined;
    const abort = new AbortController();
    const read = async () => {
      if (document.hidden) return;
      try {
        const next = await get<Stats>(`/desktops/${id}/stats`, abort.signal);
        setReadings((all) => [...all.slice(1 - KEPT), next]);
      } catch {
        // The next reading shows whether it is back.
      }
    };
    void read();
    const timer = setInterval(() => void read(), EVERY_MS);
    return () => {
      clearInterval(timer);
      abort.abort();
      setReadings([]);
    };
  }, [id, runs]);
  return readings;
}

function Box({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card>
      <CardTitle component="h2">{title}</CardTitle>
      <CardBody>{children}</CardBody>
    </Card>
  );
}

function Use({ desktop }: { desktop: Desktop }) {
  const { t, number, bytes } = useI18n();
  const readings = useStats(desktop.id ?? '', desktop.state === 'ready');
  const last = readings.at(-1);
  if (!last) return <p>{t('desktops.stats-off')}</p>;
  const line = (label: string, text: string, values: number[]) => (
    <div className="yd-reading">
      <strong>{label}</strong> {text}
      <Chart values={values} label={`${label}: ${text}`} />
    </div>
  );
  return (
    <>
      {line(t('desktops.cpu'), `${number(Math.max(0, last.cpu_percent))} %`, readings.map((reading) => Math.max(0, reading.cpu_percent)))}
      {line(t('desktops.memory'), bytes(Math.max(0, last.memory_used_mib) * 1024 * 1024), readings.map((reading) => Math.max(0, reading.memory_used_mib)))}
      {line(
        t('desktops.disk-rate'),
        `${bytes(last.disk_read_rate)} / ${bytes(last.disk_written_rate)}`,
        readings.map((reading) => reading.disk_read_rate + reading.disk_written_rate),
      )}
      {line(
        t('desktops.net-rate'),
        `${bytes(last.net_in_rate)} / ${bytes(last.net_out_rate)}`,
        readings.map((reading) => reading.net_in_rate + reading.net_out_rate),
      )}
      <small>{t('desktops.age', { seconds: number(last.age_ms / 1000) })}</small>
    </>
  );
}

interface Placement {
  chosen?: string | null;
  reason?: string;
  code?: string;
  use_percent?: number;
  fitting?: number;
  hosts?: { host: string; name?: string | null; filter: string; need: number; have: number; text: string }[];
}

function Why({ desktop }: { desktop: Desktop }) {
  const { t, word, number } = useI18n();
  const placement = desktop.placement as Placement | null | undefined;
  if (!placement) return <p>{t('desktops.placement-none')}</p>;
  // An explanation of before there were codes, or one that this console does not know, is shown as the server put it.
  const told = (key: string, text: string | undefined, values: Params) => {
    const words = word('placement', key);
    return words === key ? text : fill(words, values);
  };
  return (
    <>
      <p>
        <strong>{(placement.chosen && desktop.host_name) || '–'}</strong>{' '}
        {told(placement.code ?? '-', placement.reason, { use_percent: number(placement.use_percent ?? 0), fitting: number(placement.fitting ?? 0) })}
      </p>
      <ul>
        {(placement.hosts ?? []).map((host) => (
          <li key={host.host}>
            {host.name ?? host.host}: {told(`filter.${host.filter}`, host.text, { need: number(host.need), have: number(host.have) })}
          </li>
        ))}
      </ul>
    </>
  );
}

function Sessions({ id }: { id: string }) {
  const { t, date, said } = useI18n();
  const { data } = useGet<Page<Connection>>(`/connections?desktop_id=${id}&sort=-created&limit=10`);
  if (!data?.items.length) return <p>{t('table.empty')}</p>;
  return (
    <ul>
      {data.items.map((row) => (
        <li key={row.id}>
          {date(row.created)} {row.username} {row.protocol} <StateLabel of="connection" state={row.state} />{' '}
          {row.state === 'open' && <QualityLabel row={row} />} {said(row.reason)}
        </li>
      ))}
    </ul>
  );
}

function Jobs({ id }: { id: string }) {
  const { t, date, word, said } = useI18n();
  const { data } = useGet<Page<Job>>(`/jobs?object_id=${id}&sort=-created&limit=10`);
  if (!data?.items.length) return <p>{t('table.empty')}</p>;
  return (
    <ul>
      {data.items.map((row) => (
        <li key={row.id}>
          {date(row.created)} {word('job.kind', row.kind)} <StateLabel of="job" state={row.state} /> {said(row.error)}
        </li>
      ))}
    </ul>
  );
}

function DesktopFacts({ desktop }: { desktop: Desktop }) {
  const { t, number, date, said, bytes } = useI18n();
  return (
    <Facts
      rows={[
        [t('field.state'), <StateLabel key="state" of="desktop" state={desktop.state} />],
        [t('field.error'), said(desktop.error)],
        [t('field.owner'), desktop.user_name ?? desktop.username],
        [t('field.pool'), desktop.pool_name],
        [t('field.template'), `${desktop.template_name ?? ''} ${desktop.template_number ?? ''}`],
        [t('field.host'), desktop.host_name],
        [t('field.ip'), desktop.ip],
        ...(desktop.fixed_port ? [[t('field.fixed-port'), String(desktop.fixed_port)] as Fact] : []),
        [t('field.vcpus'), number(desktop.vcpus ?? 0)],
        [t('field.memory'), number(desktop.memory_mib ?? 0)],
        [t('templates.takes'), desktop.disk_bytes ? bytes(desktop.disk_bytes) : '–'],
        ...(desktop.personal_disk_gib ? [[t('field.personal-disk'), number(desktop.personal_disk_gib)] as Fact] : []),
        [t('field.created'), date(desktop.created)],
      ]}
    />
  );
}

export function DesktopDetails() {
  const { id = '' } = useParams();
  const { t } = useI18n();
  const admin = useRole() === 'admin';
  const navigate = useNavigate();
  const acts = useActs();
  const on = useDesktopActs(acts);
  const menu = useDesktopMenu(acts);
  const { data: desktop, error } = useGet<Desktop>(`/desktops/${id}`);
  if (error) return <ProblemAlert error={error} />;
  if (!desktop) return <Skeleton height="12rem" screenreaderText={t('app.loading')} />;
  const runs = ['ready', 'preparing'].includes(desktop.state ?? '');
  return (
    <PageFrame
      title={desktop.name ?? ''}
      extra={
        <span className="yd-acts">
          {runs ? (
            <Button variant="secondary" onClick={() => on.shutdown([desktop])}>
              {t('portal.shutdown')}
            </Button>
          ) : (
            <Button variant="secondary" onClick={() => on.start([desktop])}>
              {t('portal.start')}
            </Button>
          )}
          {admin && runs && (
            <Button onClick={() => navigate(`/console/${desktop.id}`)}>{t('desktops.console')}</Button>
          )}
          <RowMenu name={desktop.name ?? ''} items={() => menu(desktop)} />
          <Link to="/desktops">{t('desktops.title')}</Link>
        </span>
      }
    >
      <Gallery hasGutter minWidths={{ default: '18rem' }}>
        <Box title={t('desktops.details')}>
          {admin && <Screen desktop={desktop} />}
          <DesktopFacts desktop={desktop} />
        </Box>
        <Box title={t('desktops.stats')}>
          <Use desktop={desktop} />
        </Box>
        {admin && (
          <Box title={t('desktops.placement')}>
            <Why desktop={desktop} />
          </Box>
        )}
        <Box title={t('desktops.sessions')}>
          <Sessions id={id} />
        </Box>
        <Box title={t('desktops.jobs')}>
          <Jobs id={id} />
        </Box>
      </Gallery>
      {!desktop.template_id && desktop.user_id && (
        <div className="yd-below">
          <Box title={t('points.title')}>
            <RestorePoints desktop={desktop} files={admin} show={acts.show} close={acts.close} />
          </Box>
        </div>
      )}
      {acts.dialog}
    </PageFrame>
  );
}
