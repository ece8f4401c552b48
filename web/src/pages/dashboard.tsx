// What needs attention first, then the figures; each leads to its list.
import {
  Alert,
  Card,
  CardBody,
  CardHeader,
  CardTitle,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
  Gallery,
  List,
  ListComponent,
  ListItem,
  Skeleton,
  ToggleGroup,
  ToggleGroupItem,
} from '@patternfly/react-core';
import { useRef, useState, type ReactNode } from 'react';
import { Link } from 'react-router-dom';
import type { Activity as ActivityData, Host, Page } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { Bars } from '../ui/bars';
import { PageFrame } from '../ui/page';
import { ProblemAlert } from '../ui/problem';
import { StateLabel } from '../ui/state-label';

/** For each noun the count by state (users by role, templates by system) and all. */
export type Overview = Record<string, Record<string, number> | undefined>;

const MIB = 1024 * 1024;
const ONLINE_MS = 60_000;
const DAY = 24;
const WEEK = 7 * 24;

export function count(overview: Overview, noun: string, state = 'all'): number {
  return overview[noun]?.[state] ?? 0;
}

function Box({ title, children, wide }: { title: string; children: ReactNode; wide?: boolean }) {
  return (
    <Card isFullHeight {...(wide ? { className: 'yd-wide' } : {})}>
      <CardTitle component="h2">{title}</CardTitle>
      <CardBody>{children}</CardBody>
    </Card>
  );
}

function Attention({ overview }: { overview: Overview }) {
  const { t, number } = useI18n();
  const { data: activity } = useGet<ActivityData>(`/overview/activity?hours=${DAY}`);
  const failures = (activity?.items ?? []).reduce((all, item) => all + item.failures, 0);
  const rows: [number, string, string][] = [
    [count(overview, 'hosts', 'down'), t('dashboard.hosts-down', { count: number(count(overview, 'hosts', 'down')) }), '/hosts'],
    [
      count(overview, 'desktops', 'failed'),
      t('dashboard.failed-desktops', { count: number(count(overview, 'desktops', 'failed')) }),
      '/desktops?state=failed',
    ],
    [failures, t('dashboard.failed-jobs', { count: number(failures) }), activity ? rowsOf('/jobs?state=failed', 'ended', activity) : '/jobs?state=failed'],
  ];
  const shown = rows.filter(([there]) => there > 0);
  if (shown.length === 0) return <Alert component="p" isInline variant="success" title={t('dashboard.calm')} />;
  return (
    <>
      {shown.map(([, text, path]) => (
        <Alert component="p" key={path} isInline variant="warning" title={<Link to={path}>{text}</Link>} />
      ))}
    </>
  );
}

/** What is still missing before a person can open a desktop, in the order of doing. */
export function missing(overview: Overview): string[] {
  const steps: [number, string][] = [
    [count(overview, 'networks'), 'network'],
    [count(overview, 'templates'), 'template'],
    [count(overview, 'pools'), 'pool'],
    [count(overview, 'departments'), 'department'],
    [count(overview, 'entitlements'), 'grant'],
  ];
  return steps.filter(([there]) => there === 0).map(([, step]) => step);
}

const STEP_PATHS: Record<string, string> = {
  network: '/networks',
  template: '/templates',
  pool: '/pools',
  department: '/departments',
  grant: '/pools',
};

function FirstSteps({ overview }: { overview: Overview }) {
  const { t } = useI18n();
  const open = missing(overview);
  if (open.length === 0) return null;
  return (
    <Box wide title={t('dashboard.first')}>
      <p>{t('dashboard.first-text')}</p>
      <List component={ListComponent.ol} className="yd-steps">
        {Object.keys(STEP_PATHS).map((step) => (
          <ListItem key={step}>
            {open.includes(step) ? (
              <>
                <Link to={STEP_PATHS[step] ?? '/'} {...(step === open[0] ? { className: 'yd-next' } : {})}>
                  {t(`dashboard.step-${step}` as never)}
                </Link>
                {step === open[0] && <p>{t(`dashboard.why-${step}` as never)}</p>}
              </>
            ) : (
              <s>{t(`dashboard.step-${step}` as never)}</s>
            )}
          </ListItem>
        ))}
      </List>
    </Box>
  );
}

/** The rows that a bucket, or all from its begin on, is made of. */
function rowsOf(path: string, field: string, activity: ActivityData, index?: number): string {
  const begin = activity.items[index ?? 0]?.time ?? activity.from;
  const end = index === undefined ? undefined : new Date(new Date(begin).getTime() + activity.bucket_seconds * 1000).toISOString();
  return `${path}&${field}_from=${encodeURIComponent(begin)}${end ? `&${field}_to=${encodeURIComponent(end)}` : ''}`;
}

function Activity() {
  const { t, number } = useI18n();
  const [hours, setHours] = useState(DAY);
  const { data, error } = useGet<ActivityData>(`/overview/activity?hours=${hours}`);
  const shown = useRef<ActivityData>();
  if (data) shown.current = data;
  const activity = data ?? shown.current;
  const items = activity?.items ?? [];
  const sum = (figure: 'starts' | 'failures') => number(items.reduce((all, item) => all + item[figure], 0));
  const bars = (figure: 'starts' | 'failures', path: string, field: string) =>
    activity ? items.map((item, index) => ({ time: item.time, value: item[figure], path: rowsOf(path, field, activity, index) })) : [];
  const started = '/jobs?kind=desktop-start&state=done';
  return (
    <Card className="yd-wide" data-testid="activity">
      <CardHeader
        actions={{
          hasNoOffset: true,
          actions: (
            <ToggleGroup aria-label={t('dashboard.period')}>
              {[DAY, WEEK].map((period) => (
                <ToggleGroupItem
                  key={period}
                  text={t(period === DAY ? 'dashboard.day' : 'dashboard.week')}
                  isSelected={hours === period}
                  onChange={() => setHours(period)}
                />
              ))}
            </ToggleGroup>
          ),
        }}
      >
        <CardTitle component="h2">{t('dashboard.activity')}</CardTitle>
      </CardHeader>
      <CardBody>
        <ProblemAlert error={error} />
        {activity && (
          <div className="yd-activity">
            <Bars title={t('dashboard.starts')} total={sum('starts')} path={rowsOf(started, 'ended', activity)} bars={bars('starts', started, 'ended')} />
            <Bars
              title={t('dashboard.at-desktops')}
              total={t('dashboard.peak', { count: number(Math.max(0, ...items.map((item) => item.people))) })}
              path={rowsOf('/sessions?sort=-created', 'last_seen', activity)}
              bars={items.map((item) => ({ time: item.time, value: item.people, path: `/sessions?sort=-created&last_seen_from=${encodeURIComponent(item.time)}` }))}
            />
            <Bars
              danger
              title={t('dashboard.failures')}
              total={sum('failures')}
              path={rowsOf('/jobs?state=failed', 'ended', activity)}
              bars={bars('failures', '/jobs?state=failed', 'ended')}
            />
          </div>
        )}
      </CardBody>
    </Card>
  );
}

function Capacity() {
  const { t, bytes, number } = useI18n();
  const { data } = useGet<Page<Host>>('/hosts?limit=100');
  return (
    <Box title={t('dashboard.capacity')}>
      <List isPlain>
        {(data?.items ?? []).map((host) => {
          const all = host.memory_mib ?? 0;
          const used = Math.max(0, all - (host.memory_free_mib ?? 0));
          return (
            <ListItem key={host.id}>
              <Link to="/hosts">{host.name}</Link> <StateLabel of="host" state={host.state} />{' '}
              {t('dashboard.memory', { used: bytes(used * MIB), all: bytes(all * MIB) })} ·{' '}
              {t('dashboard.running', { count: number(host.desktops_running ?? 0) })}
            </ListItem>
          );
        })}
      </List>
    </Box>
  );
}

function Figure({ label, path, value }: { label: string; path: string; value: number }) {
  const { number } = useI18n();
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{label}</DescriptionListTerm>
      <DescriptionListDescription>
        <Link to={path} aria-label={`${label}: ${number(value)}`}>
          {number(value)}
        </Link>
      </DescriptionListDescription>
    </DescriptionListGroup>
  );
}

/** Log-ins used within the last minute; time passes without events, so the moment is that of drawing. */
function Online() {
  const { t } = useI18n();
  const [since] = useState(() => new Date(Date.now() - ONLINE_MS).toISOString());
  const { data } = useGet<Page<unknown>>(`/users?limit=1&total=true&last_seen_from=${encodeURIComponent(since)}`);
  return <Figure label={t('dashboard.online')} path="/users?sort=-last_login" value={data?.total ?? 0} />;
}

export default function DashboardPage() {
  const { t, number } = useI18n();
  const { data, error } = useGet<Overview>('/overview');
  const states = Object.keys(data?.desktops ?? {}).filter((state) => state !== 'all');
  return (
    <PageFrame title={t('dashboard.title')}>
      <ProblemAlert error={error} />
      {!data && !error && <Skeleton height="12rem" screenreaderText={t('app.loading')} />}
      {data && (
        <Gallery hasGutter minWidths={{ default: '13.5rem' }}>
          <FirstSteps overview={data} />
          <Box title={t('dashboard.attention')}>
            <Attention overview={data} />
          </Box>
          <Box title={t('dashboard.people')}>
            <DescriptionList isCompact isHorizontal>
              <Figure label={t('dashboard.everybody')} path="/users" value={count(data, 'users')} />
              <Online />
              <Figure label={t('dashboard.with-desktop')} path="/sessions?state=open" value={count(data, 'connections', 'open')} />
            </DescriptionList>
          </Box>
          <Box title={t('dashboard.desktops')}>
            <List isPlain>
              {states.map((state) => (
                <ListItem key={state}>
                  <Link to={`/desktops?state=${state}`}>{number(count(data, 'desktops', state))}</Link> <StateLabel of="desktop" state={state} />
                </ListItem>
              ))}
            </List>
            {states.length === 0 && t('table.empty')}
          </Box>
          <Capacity />
          <Activity />
        </Gallery>
      )}
    </PageFrame>
  );
}
