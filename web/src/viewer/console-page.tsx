// The machine's screen in the browser: noVNC over the gate's WebSocket.
import RFB from '@novnc/novnc';
import { useCallback, useRef, useState } from 'react';
import { useParams } from 'react-router-dom';
import type { Desktop } from '../data/types';
import { useGet } from '../data/use-get';
import { ViewerFrame } from './frame';
import { COMBINATIONS, press, socketUrl } from './keys';
import { CONSOLE_PASTE } from './paste';
import { useViewer, type Opener } from './use-viewer';

export default function ConsolePage() {
  const { desktop: id = '' } = useParams();
  const screen = useRef<HTMLDivElement>(null);
  const rfb = useRef<RFB>();
  const [received, setReceived] = useState('');
  const { data: desktop } = useGet<Desktop>(`/desktops/${id}`);

  const opener = useCallback<Opener>((answer, events) => {
    const target = screen.current;
    if (!target) return Promise.reject(new Error('the page is gone'));
    const client = new RFB(target, socketUrl(window.location, answer.ticket ?? ''), { shared: true });
    client.scaleViewport = true;
    client.background = '#101418';
    client.addEventListener('connect', () => {
      events.onOpen();
      client.focus();
    });
    if (answer.clipboard !== false) client.addEventListener('clipboard', (event) => setReceived((event as CustomEvent<{ text: string }>).detail.text));
    client.addEventListener('disconnect', () => {
      rfb.current = undefined;
      events.onClose();
    });
    rfb.current = client;
    return Promise.resolve({ close: () => rfb.current === client && client.disconnect() });
  }, []);
  const { phase, error, reason, id: session, clipboard, again } = useViewer(id, 'console', opener);

  return (
    <ViewerFrame
      name={desktop?.name ?? ''}
      back={`/desktops/${id}`}
      phase={phase}
      error={error}
      reason={reason}
      combinations={COMBINATIONS}
      onKeys={(combination) => rfb.current && press(rfb.current, combination)}
      received={received}
      clipboard={clipboard !== false && CONSOLE_PASTE}
      onPaste={(text) => rfb.current?.clipboardPasteFrom(text)}
      onAgain={again}
      screen={screen}
      session={session}
    />
  );
}
