// The life of a viewer: a ticket, a connection, another try with a new ticket when the network drops,
// an end when the server says so. The two protocols differ only in how they open.
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, get } from '../api/client';
import { connect, type ConnectAnswer, type Way } from '../data/connect';
import type { Connection } from '../data/types';
import type { Phase } from './frame';
import { backoff } from './keys';

/** After this many failures in a row the person is asked. */
const TRIES = 6;
/** A connection that lived that long was a good one: counting begins anew. */
const GOOD_MS = 10_000;

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
  /** The connection that was given for it last. */
  id: string | undefined;
  again: () => void;
}

/** Ends that come from the network or the gate: the person wants to go on. Everything else was meant. */
const PASSING = ['not used in time', 'closed by the client', 'its gate does not answer'];

/** The reason when the session was ended on purpose; undefined when it only dropped. */
async function endOf(id: string | undefined): Promise<string | undefined> {
  if (!id) return undefined;
  try {
    const row = await get<Connection>(`/connections/${id}`);
    const reason = row.reason ?? '';
    return row.state === 'ended' && !PASSING.includes(reason) ? reason : undefined;
  } catch {
    return undefined; // the server does not answer: the network has dropped
  }
}

/** Whether asking again may help: nobody answered, or a part of the system was away for a moment. */
function passing(error: unknown): boolean {
  return error instanceof ApiError && [0, 502, 503, 504].includes(error.problem.status);
}

export function useViewer(desktop: string, way: Way, opener: Opener, first?: ConnectAnswer): Viewer {
  const [phase, setPhase] = useState<Phase>('connecting');
  const [error, setError] = useState<unknown>();
  const [reason, setReason] = useState<string>();
  const [attempt, setAttempt] = useState(0);
  const [id, setId] = useState<string>();
  const failures = useRef(0);
  const given = useRef(first);

  useEffect(() => {
    let opened: Opened | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    let since = 0;
    let session: string | undefined;
    const later = (why?: unknown) => {
      failures.current += 1;
      if (failures.current > TRIES) {
        setError(why);
        setPhase('ended');
        return;
      }
      setPhase('lost');
      timer = setTimeout(() => setAttempt((n) => n + 1), backoff(failures.current));
    };
    const events: Events = {
      onOpen: () => {
        since = Date.now();
        if (!gone) setPhase('open');
      },
      onClose: () => {
        if (gone) return;
        if (since > 0 && Date.now() - since > GOOD_MS) failures.current = 0;
        setPhase('lost');
        void endOf(session).then((why) => {
          if (gone) return;
          setReason(why);
          if (why) setPhase('ended');
          else later();
        });
      },
    };
    const ticket = given.current
      ? Promise.resolve(given.current)
      : connect({ pool_id: '', desktop: { id: desktop } }, way, () => undefined, 'desktops');
    given.current = undefined;
    setError(undefined);
    setReason(undefined);
    ticket
      .then(async (answer) => {
        if (gone) return;
        session = answer.id;
        setId(answer.id);
        opened = await opener(answer, events);
        if (gone) opened.close();
      })
      .catch((why: unknown) => {
        if (gone) return;
        if (passing(why)) {
          later(why);
          return;
        }
        setError(why);
        setPhase('ended');
      });
    return () => {
      gone = true;
      clearTimeout(timer);
      opened?.close();
    };
  }, [desktop, way, opener, attempt]);

  const again = useCallback(() => {
    failures.current = 0;
    setPhase('connecting');
    setAttempt((n) => n + 1);
  }, []);
  return { phase, error, reason, id, again };
}
