// Who is logged in. A log-in that ends while somebody works is asked for again over the page, so
// that nothing typed is lost.

import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { ApiError, onLoginNeeded, post, request, setCsrf } from '../api/client';
import { useI18n } from '../i18n';
import { cache } from './cache';
import { Changes } from './events';
import type { User } from './types';

export type SessionState = 'loading' | 'out' | 'must-change' | 'in';

export interface Session {
  state: SessionState;
  user: User | undefined;
  online: boolean;
  /** Whether a form of log-in lies over the page. */
  again: boolean;
  login: (username: string, password: string) => Promise<void>;
  logout: () => Promise<void>;
  /** Reads /me again, after a change of the own password or language. */
  refresh: () => Promise<void>;
}

interface LoginAnswer {
  csrf?: string;
  must_change?: boolean;
  user: User;
}

const readMe = () => request<User & { must_change?: boolean }>('/me', { anonymous: true });
let early: ReturnType<typeof readMe> | undefined;

/** Asks who is logged in before anything is drawn; the provider takes this answer first. */
export function askEarly(): void {
  early = readMe();
  early.catch(() => undefined); // the provider's to tell
}

const Context = createContext<Session | undefined>(undefined);

function stateOf(error: unknown): SessionState {
  return error instanceof ApiError && error.problem.code === 'password-change' ? 'must-change' : 'out';
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<SessionState>('loading');
  const [user, setUser] = useState<User>();
  const [online, setOnline] = useState(true);
  const [again, setAgain] = useState(false);
  const waiting = useRef<(() => void)[]>([]);
  const { suggest } = useI18n();

  const refresh = useCallback(async () => {
    try {
      const answer = early ?? readMe();
      early = undefined;
      const me = await answer;
      setUser(me);
      setState(me.must_change ? 'must-change' : 'in');
    } catch (error) {
      cache.clear(); // what was asked for early, for somebody who is not logged in
      setUser(undefined);
      setState(stateOf(error));
    }
  }, []);

  useEffect(() => void refresh(), [refresh]);
  useEffect(() => suggest(user?.language), [suggest, user?.language]);

  useEffect(() => {
    if (state !== 'in') return undefined;
    const changes = new Changes(cache, setOnline);
    changes.start();
    onLoginNeeded(
      () =>
        new Promise<void>((resolve) => {
          waiting.current.push(resolve);
          setAgain(true);
        }),
    );
    return () => {
      changes.stop();
      onLoginNeeded(undefined);
    };
  }, [state]);

  const login = useCallback(async (username: string, password: string) => {
    const body = { username, password, kind: 'cookie' };
    const answer = await request<LoginAnswer>('/login', { method: 'POST', body, anonymous: true });
    setCsrf(answer.csrf);
    setUser((before) => {
      if (before && before.id !== answer.user.id) cache.clear();
      return answer.user;
    });
    setState(answer.must_change ? 'must-change' : 'in');
    setAgain(false);
    for (const resolve of waiting.current.splice(0)) resolve();
  }, []);

  const logout = useCallback(async () => {
    try {
      await post('/logout');
    } finally {
      setCsrf(undefined);
      cache.clear();
      setUser(undefined);
      setState('out');
    }
  }, []);

  const value = useMemo(
    () => ({ state, user, online, again, login, logout, refresh }),
    [state, user, online, again, login, logout, refresh],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): Session {
  const value = useContext(Context);
  if (!value) throw new Error('useSession outside of SessionProvider');
  return value;
}

/** The role of whoever is logged in. */
export function useRole(): string {
  return useSession().user?.role ?? 'user';
}

