// The life of a viewer: a ticket, a connection, another try with a new ticket when the network drops,
// an end when the server says so. The two protocols differ only in how they open.
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, get } from '../api/client';
import { connect, type ConnectAnswer, type Way } from '../data/connect';
import type { Connection } from '../data/types';
import { mayRestart, watchTraps } from './crash';
import type { Phase } from './frame';
import { NEVER, type IdlePolicy } from './idle';
import { backoff } from './keys';
import { useWake } from './use-wake';

/** After this many failures in a row the person is asked. */
const TRIES = 6;
/** When the server itself says that a part of it is away (a host that has to be fenced first, say): ten minutes. */
const PATIENT_TRIES = 75;
/** A connection that lived that long was a good one: counting begins anew. */
const GOOD_MS = 10_000;
/** After a sleep requests may go out on connections that are dead: what takes longer is asked anew. */
const ANSWER_MS = 20_000;

export interface Opened {
  close: () => unknown;
}

export interface Events {
  onOpen: () => void;
  onClose: () => void;
}

export type Opener = (answer: ConnectAnswer, events: Events) => Promise<Opened>;

export interface Viewer {
  phase: Phase;
  error: unknown;
  /** Why the session was ended on purpose, in the server's words. */
  reason: string | undefined;
  /** The pool's rule for sessions that nobody uses. */
  idle: IdlePolicy;
  /** The connection that was given for it last. */
  id: string | undefined;
  /** Whether the pool's policy allows the clipboard; undefined until it is known. */
  clipboard: boolean | undefined;
  again: () => void;
  /** Ends it for a reason of the viewer's own, until the person asks for it again. */
  end: (reason: string) => void;
}

/** Ends that come from the network or the gate: the person wants to go on. Everything else was meant. */
const PASSING = ['not used in time', 'closed by the client', 'the desktop does not answer any more', 'its gate does not answer'];
/** The desktop is, or will soon be, on another host: a new connection leads there. */
const ELSEWHERE = /^the desktop moved to another host; |; it starts on another host$/;

async function rowOf(id: string | undefined): Promise<Connection | undefined> {
  if (!id) return undefined;
  try {
    return await get<Connection>(`/connections/${id}`, AbortSignal.timeout(ANSWER_MS));
  } catch {
    return undefined; // the server does not answer: the network has dropped
  }
}

/** The reason when the session was ended on purpose; undefined when it only dropped. */
export function meant(row: Pick<Connection, 'state' | 'reason'> | undefined): string | undefined {
  const reason = row?.reason ?? '';
  return row?.state === 'ended' && !PASSING.includes(reason) && !ELSEWHERE.test(reason) ? reason : undefined;
}

/** Whether asking again may help: nobody answered, or a part of the system was away for a moment. */
export function passing(error: unknown): boolean {
  if (error instanceof DOMException) return error.name === 'TimeoutError';
  return error instanceof ApiError && [0, 502, 503, 504].includes(error.problem.status);
}

/** How often it is tried again after that error. */
export function triesFor(error: unknown): number {
  return error instanceof ApiError && error.problem.status === 503 ? PATIENT_TRIES : TRIES;
}

/** A reload of the page must not come with the ticket of before. */
function forgetAnswer(): void {
  window.history.replaceState({ ...(window.history.state as object | null), usr: null }, '');
}

export function useViewer(desktop: string, way: Way, opener: Opener, first?: ConnectAnswer): Viewer {
  const [phase, setPhase] = useState<Phase>('connecting');
  const [error, setError] = useState<unknown>();
  const [reason, setReason] = useState<string>();
  const [idle, setIdle] = useState(NEVER);
  const [attempt, setAttempt] = useState(0);
  const [id, setId] = useState<string>();
  const [clipboard, setClipboard] = useState<boolean>();
  const failures = useRef(0);
  const given = useRef(first);
  const stop = useRef<(why: string) => void>();
  const session = useRef<string>();

  useEffect(() => {
    let opened: Opened | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    let since = 0;
    const finish = (why: string | undefined, what?: unknown) => {
      setReason(why);
      setError(what);
      setPhase('ended');
    };
    const later = (why?: unknown) => {
      failures.current += 1;
      if (failures.current > triesFor(why)) {
        finish(undefined, why ?? new ApiError({ status: 0, code: 'offline', detail: '' }));
        return;
      }
      setPhase('lost');
      timer = setTimeout(() => setAttempt((n) => n + 1), backoff(failures.current));
    };
    /** Over, or refused before it began: the server knows whether that was meant. */
    const closed = async (why?: unknown) => {
      if (gone) return;
      setPhase('lost');
      const end = meant(await rowOf(session.current));
      if (gone) return;
      if (end) finish(end);
      else later(why);
    };
    const events: Events = {
      onOpen: () => {
        since = Date.now();
        if (!gone) setPhase('open');
      },
      onClose: () => {
        if (since > 0 && Date.now() - since > GOOD_MS) failures.current = 0;
        void closed();
      },
    };
    stop.current = (why) => {
      gone = true;
      clearTimeout(timer);
      opened?.close();
      finish(why);
    };
    const unwatch = watchTraps(() => {
      if (gone) return;
      stop.current?.('the viewer crashed');
      if (mayRestart(window.sessionStorage, Date.now())) window.location.reload();
    });
    const ticket = given.current
      ? Promise.resolve(given.current)
      : connect({ pool_id: '', desktop: { id: desktop } }, way, () => undefined, 'desktops', ANSWER_MS);
    given.current = undefined;
    forgetAnswer();
    setError(undefined);
    setReason(undefined);
    setPhase((now) => (now === 'open' ? 'connecting' : now)); // another keyboard layout, say
    ticket.then(
      async (answer) => {
        if (gone) return;
        session.current = answer.id;
        setId(answer.id);
        setClipboard(answer.clipboard !== false);
        setIdle({ seconds: answer.idle_seconds ?? 0, notice: answer.idle_notice_seconds ?? 0 });
        try {
          opened = await opener(answer, events);
          if (gone) opened.close();
        } catch (why) {
          void closed(why); // with another ticket it may go
        }
      },
      (why: unknown) => {
        if (gone) return;
        if (passing(why)) later(why);
        else finish(undefined, why);
      },
    );
    return () => {
      gone = true;
      clearTimeout(timer);
      unwatch();
      opened?.close();
    };
  }, [desktop, way, opener, attempt]);

  const again = useCallback(() => {
    failures.current = 0;
    setPhase('connecting');
    setAttempt((n) => n + 1);
  }, []);
  const end = useCallback((why: string) => stop.current?.(why), []);

  const alive = phase === 'open' || phase === 'lost';
  const slept = useCallback(() => {
    if (alive) again();
  }, [alive, again]);
  const doubt = useCallback(() => {
    if (phase !== 'open') {
      slept(); // the network is back: no need to wait for the next try
      return;
    }
    void rowOf(session.current).then((row) => {
      if (row && row.state !== 'open' && meant(row) === undefined) again();
    });
  }, [phase, slept, again]);
  useWake(doubt, slept);
  return { phase, error, reason, idle, id, clipboard, again, end };
}
