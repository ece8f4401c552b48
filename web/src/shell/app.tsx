// The frame: who is logged in decides which sections there are; every page but the portal, which nearly everybody
// wants at once, is loaded when it is first opened. The server decides what anybody may do; this only leaves out what would be refused.
import {
  Alert,
  Button,
  Dropdown,
  DropdownItem,
  DropdownList,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
  MenuToggle,
  Nav,
  NavItem,
  NavList,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
  Spinner,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from '@patternfly/react-core';
import { BarsIcon } from '@patternfly/react-icons/dist/esm/icons/bars-icon';
import { Suspense, useEffect, useState, type ComponentType } from 'react';
import { Link, Navigate, Route, Routes, useLocation, useNavigate } from 'react-router-dom';
import { csrfToken } from '../api/client';
import { cache } from '../data/cache';
import { pageOf } from '../data/lists';
import { useSession } from '../data/session';
import { useI18n, type Key } from '../i18n';
import Portal from '../pages/portal';
import { PageFrame } from '../ui/page';
import { Boundary } from './boundary';
import { LanguageButton, LoginAgain, LoginPage, MustChangePage } from './login';
import { page, whenIdle } from './pages';
import { isDark, setDark } from './theme';

interface Section {
  path: string;
  key: Key;
  roles: string[];
  load: () => Promise<{ default: ComponentType }>;
  /** The list that its page begins with, and how that is sorted: asked for as soon as the link is pressed. */
  list?: [path: string, sort: string];
}

/** What the portal shows. */
const PORTAL = '/me/desktops';
const EVERYBODY = ['admin', 'manager', 'user'];
const LEADERS = ['admin', 'manager'];
const ADMIN = ['admin'];

const SECTIONS: Section[] = [
  { path: 'portal', key: 'nav.portal', roles: EVERYBODY, load: () => Promise.resolve({ default: Portal }) },
  { path: 'overview', key: 'nav.dashboard', roles: ADMIN, load: () => import('../pages/dashboard') },
  { path: 'desktops', key: 'nav.desktops', roles: LEADERS, load: () => import('../pages/desktops'), list: ['/desktops', 'name'] },
  { path: 'personal-disks', key: 'nav.personal-disks', roles: LEADERS, load: () => import('../pages/personal-disks') },
  { path: 'users', key: 'nav.users', roles: LEADERS, load: () => import('../pages/users'), list: ['/users', 'username'] },
  { path: 'departments', key: 'nav.departments', roles: LEADERS, load: () => import('../pages/departments') },
  { path: 'pools', key: 'nav.pools', roles: LEADERS, load: () => import('../pages/pools') },
  { path: 'rollouts', key: 'nav.rollouts', roles: LEADERS, load: () => import('../pages/rollouts') },
  { path: 'templates', key: 'nav.templates', roles: ADMIN, load: () => import('../pages/templates') },
  { path: 'media', key: 'nav.media', roles: ADMIN, load: () => import('../pages/media') },
  { path: 'backups', key: 'nav.backups', roles: ADMIN, load: () => import('../pages/backups') },
  { path: 'networks', key: 'nav.networks', roles: ADMIN, load: () => import('../pages/networks') },
  { path: 'hosts', key: 'nav.hosts', roles: ADMIN, load: () => import('../pages/hosts') },
  { path: 'gates', key: 'nav.gates', roles: ADMIN, load: () => import('../pages/gates') },
  { path: 'sessions', key: 'nav.connections', roles: LEADERS, load: () => import('../pages/sessions'), list: ['/connections', '-created'] },
  { path: 'jobs', key: 'nav.jobs', roles: LEADERS, load: () => import('../pages/jobs'), list: ['/jobs', '-created'] },
  { path: 'audit', key: 'nav.audit', roles: ADMIN, load: () => import('../pages/audit'), list: ['/audit', '-time'] },
  { path: 'settings', key: 'nav.settings', roles: ADMIN, load: () => import('../pages/settings') },
  { path: 'account', key: 'nav.account', roles: EVERYBODY, load: () => import('../pages/account') },
];
const loadConsole = () => import('../viewer/console-page');
const loadRdp = () => import('../viewer/rdp-page');
const PAGES = SECTIONS.map((section) => ({ ...section, Page: page(section.load) }));
const Console = page(loadConsole);
const Rdp = page(loadRdp);

/**
 * Asks for what the address needs while it is still asked who is logged in: waiting for one after the other would be
 * felt. Nothing comes of it when it was the wrong guess.
 */
export function loadEarly(pathname: string): void {
  const first = pathname.split('/')[1] || 'portal';
  const viewers: Record<string, () => Promise<unknown>> = { console: loadConsole, desktop: loadRdp };
  const load = viewers[first] ?? SECTIONS.find((section) => section.path === first)?.load;
  load?.().catch(() => undefined);
  if (first === 'portal' && csrfToken() !== '') void cache.load(PORTAL);
}

/**
 * Loads the other sections of a role one by one while nothing else is to do, so that the first click on each shows its
 * page at once. Nobody's portal waits for it: people see no sections but their own two.
 */
function useLoadedAhead(role: string): void {
  useEffect(() => {
    const left = PAGES.filter((one) => one.roles.includes(role));
    let gone = false;
    const next = () => {
      const one = left.shift();
      if (one && !gone) one.Page.ahead().then(() => whenIdle(next), () => undefined);
    };
    whenIdle(next);
    return () => {
      gone = true;
    };
  }, [role]);
}

function askAhead({ list }: Section): void {
  if (list) cache.ahead(pageOf(list[0], { sort: list[1] }));
}

/** Whether the sections are shown; on a narrow screen they go when one was chosen. */
function useSections() {
  const [narrow, setNarrow] = useState(false);
  const [open, setOpen] = useState(true);
  return {
    open,
    toggle: () => setOpen(!open),
    chosen: () => setOpen(open && !narrow),
    resized: (now: boolean) => {
      if (now === narrow) return;
      setNarrow(now);
      setOpen(!now);
    },
  };
}

function Sidebar({ role, open, onChosen }: { role: string; open: boolean; onChosen: () => void }) {
  const { t } = useI18n();
  const { pathname } = useLocation();
  return (
    <PageSidebar isSidebarOpen={open}>
      <PageSidebarBody>
        <Nav aria-label={t('nav.label')} onSelect={onChosen}>
          <NavList>
            {SECTIONS.filter((section) => section.roles.includes(role)).map((section) => (
              <NavItem key={section.path} isActive={pathname.split('/')[1] === section.path}>
                <Link to={`/${section.path}`} onPointerDown={() => askAhead(section)}>{t(section.key)}</Link>
              </NavItem>
            ))}
          </NavList>
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

function UserMenu() {
  const { t } = useI18n();
  const { user, logout } = useSession();
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  const [dark, setDarkState] = useState(isDark);
  const toggleTheme = () => {
    setDark(!dark);
    setDarkState(!dark);
  };
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right', appendTo: 'inline' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} onClick={() => setOpen(!open)} isExpanded={open} variant="plainText" data-testid="user-menu">
          {user?.name || user?.username}
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem onClick={() => navigate('/account')}>{t('nav.account')}</DropdownItem>
        <DropdownItem onClick={toggleTheme}>{t(dark ? 'nav.theme-light' : 'nav.theme-dark')}</DropdownItem>
        <DropdownItem onClick={() => void logout()}>{t('login.out')}</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}

function Head({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  const { t } = useI18n();
  return (
    <Masthead display={{ default: 'inline' }}>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton aria-label={t('nav.toggle')} variant="plain" isSidebarOpen={open} onSidebarToggle={onToggle}>
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <Link to="/" className="yd-brand">
            {t('app.name')}
          </Link>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isFullHeight isStatic>
          <ToolbarContent>
            <ToolbarGroup align={{ default: 'alignEnd' }}>
              <ToolbarItem>
                <LanguageButton />
              </ToolbarItem>
              <ToolbarItem>
                <UserMenu />
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
}

function NotFound() {
  const { t } = useI18n();
  return (
    <PageFrame title={t('app.not-found')}>
      <Button component={(props) => <Link {...props} to="/" />}>{t('nav.portal')}</Button>
    </PageFrame>
  );
}

function Frame() {
  const { t } = useI18n();
  const { user, online } = useSession();
  const { pathname } = useLocation();
  const role = user?.role ?? 'user';
  const sections = useSections();
  useLoadedAhead(role);
  const pages = PAGES.filter((one) => one.roles.includes(role));
  return (
    <Page
      masthead={<Head open={sections.open} onToggle={sections.toggle} />}
      sidebar={<Sidebar role={role} open={sections.open} onChosen={sections.chosen} />}
      onPageResize={(_, { mobileView }) => sections.resized(mobileView)}
      mainContainerId="main"
      skipToContent={<SkipToContent href="#main">{t('app.skip')}</SkipToContent>}
    >
      {!online && <Alert component="p" variant="warning" isInline title={t('app.offline')} data-testid="offline" />}
      <Boundary key={pathname}>
        <Suspense fallback={<Spinner aria-label={t('app.loading')} />}>
          <Routes>
            <Route path="/" element={<Navigate to={role === 'admin' ? '/overview' : '/portal'} replace />} />
            {pages.map(({ path, Page: Shown }) => (
              <Route key={path} path={`/${path}/*`} element={<Shown />} />
            ))}
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </Boundary>
    </Page>
  );
}

export function App() {
  const { t } = useI18n();
  const { state } = useSession();
  if (state === 'loading') return <Spinner aria-label={t('app.loading')} />;
  if (state === 'out') return <LoginPage />;
  if (state === 'must-change') return <MustChangePage />;
  return (
    <>
      <Suspense fallback={<Spinner aria-label={t('app.loading')} />}>
        <Routes>
          <Route path="/console/:desktop" element={<Console />} />
          <Route path="/desktop/:desktop" element={<Rdp />} />
          <Route path="*" element={<Frame />} />
        </Routes>
      </Suspense>
      <LoginAgain />
    </>
  );
}
