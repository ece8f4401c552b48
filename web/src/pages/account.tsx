import { Button, Card, CardBody, CardTitle, Gallery, Label, List, ListItem } from '@patternfly/react-core';
import { remove } from '../api/client';
import type { Connection, OwnLogin, Page } from '../data/types';
import { useSession } from '../data/session';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { PasswordForm } from '../shell/login';
import { Facts } from '../ui/facts';
import { PageFrame } from '../ui/page';
import { useToasts } from '../ui/toasts';

function Mine<T extends { id?: string | null }>({
  title,
  empty,
  rows,
  text,
  action,
  path,
  reload,
  current,
  wide = false,
}: {
  title: string;
  empty: string;
  rows: T[];
  text: (row: T) => string;
  action: string;
  path: string;
  reload: () => void;
  /** Said in place of the action where it is this very log-in. */
  current?: (row: T) => string | undefined;
  wide?: boolean;
}) {
  const toasts = useToasts();
  const end = async (row: T) => {
    try {
      await remove(`${path}/${row.id}`);
      reload();
    } catch (error) {
      toasts.failure(error);
    }
  };
  return (
    <Card {...(wide ? { className: 'yd-wide' } : {})}>
      <CardTitle component="h2">{title}</CardTitle>
      <CardBody>
        {rows.length === 0 && <p>{empty}</p>}
        <List isPlain isBordered>
          {rows.map((row) => (
            <ListItem key={row.id}>
              <span className="yd-head">
                {text(row)}
                {current?.(row) ? (
                  <Label color="green">{current(row)}</Label>
                ) : (
                  <Button variant="secondary" onClick={() => void end(row)}>
                    {action}
                  </Button>
                )}
              </span>
            </ListItem>
          ))}
        </List>
      </CardBody>
    </Card>
  );
}

const BROWSERS: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrom(e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS/, 'macOS'],
  [/Linux/, 'Linux'],
];

/** "Firefox, Linux" of what a browser says of itself; other programs by their first word. */
export function agentName(agent: string | null | undefined): string {
  const found = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent ?? ''))?.[1];
  const browser = found(BROWSERS);
  const system = found(SYSTEMS);
  if (browser) return system ? `${browser}, ${system}` : browser;
  return (agent ?? '').split(/[\s/]/)[0] || '–';
}

export default function AccountPage() {
  const { t, date, word } = useI18n();
  const toasts = useToasts();
  const logins = useGet<Page<OwnLogin>>('/me/logins');
  const { user } = useSession();
  const sessions = useGet<Page<Connection>>(user ? `/connections?user_id=${user.id}&sort=-created&limit=50` : null);
  return (
    <PageFrame title={t('nav.account')}>
      <Gallery hasGutter minWidths={{ default: '18rem' }}>
        <Card>
          <CardTitle component="h2">{t('account.who')}</CardTitle>
          <CardBody>
            <Facts
              rows={[
                [t('field.username'), user?.username],
                [t('field.name'), user?.name],
                [t('field.number'), user?.number],
                [t('field.email'), user?.email],
                [t('field.role'), word('role', user?.role)],
                [t('field.departments'), user?.department_names],
                [t('field.last-login'), date(user?.last_login)],
              ]}
            />
          </CardBody>
        </Card>
        <Card>
          <CardTitle component="h2">{t('password.title')}</CardTitle>
          <CardBody>
            <PasswordForm onDone={() => toasts.success(t('password.done'))} />
          </CardBody>
        </Card>
        <Mine
          title={t('portal.sessions')}
          empty={t('portal.no-sessions')}
          rows={(sessions.data?.items ?? []).filter((row) => row.state !== 'ended')}
          text={(row) => `${row.desktop_name ?? ''} · ${row.protocol ?? ''} · ${word('connection.state', row.state)}`}
          action={t('portal.disconnect')}
          path="/connections"
          reload={sessions.reload}
        />
        <Mine
          wide
          title={t('portal.logins')}
          empty={t('table.empty')}
          rows={logins.data?.items ?? []}
          text={(row) => `${agentName(row.agent)} · ${row.address ?? ''} · ${date(row.last_used)}`}
          current={(row) => (row.current ? t('portal.this-login') : undefined)}
          action={t('portal.end-login')}
          path="/me/logins"
          reload={logins.reload}
        />
      </Gallery>
    </PageFrame>
  );
}
