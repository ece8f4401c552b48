// A person's own session in the browser: the same one that mstsc or FreeRDP would show.
import { Button, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useCallback, useRef, useState } from 'react';
import { useLocation, useParams } from 'react-router-dom';
import type { ConnectAnswer } from '../data/connect';
import type { Desktop } from '../data/types';
import { useGet } from '../data/use-get';
import { useI18n } from '../i18n';
import { useToasts } from '../ui/toasts';
import { FilesBar } from './files-bar';
import { ViewerFrame } from './frame';
import { useIdle } from './idle';
import { IdleNotice } from './idle-notice';
import { COMBINATIONS } from './keys';
import { desktopSize, LAYOUTS, openRdp, type RdpSession } from './rdp-client';
import type { OfferedFile } from './rdp-files';
import { useViewer, type Opener } from './use-viewer';

const STORED = 'yundesk.keyboard';

export default function RdpPage() {
  const { desktop: id = '' } = useParams();
  const { t } = useI18n();
  const toasts = useToasts();
  const state = useLocation().state as { answer?: ConnectAnswer } | null;
  const screen = useRef<HTMLDivElement>(null);
  const session = useRef<RdpSession>();
  const fail = useRef(toasts.failure);
  fail.current = toasts.failure;
  const [received, setReceived] = useState('');
  const [offered, setOffered] = useState<OfferedFile[]>([]);
  const [showFiles, setShowFiles] = useState(false);
  const [layout, setLayout] = useState(() => localStorage.getItem(STORED) ?? 'us');
  const { data: desktop } = useGet<Desktop>(`/desktops/${id}`);

  const opener = useCallback<Opener>(
    async (answer, events) => {
      const host = screen.current;
      if (!host) throw new Error('the page is gone');
      const size = desktopSize(host.clientWidth, host.clientHeight);
      const opened = await openRdp(host, answer, layout, size, {
        onEnd: () => {
          session.current = undefined;
          events.onClose();
        },
        onText: setReceived,
        onOffer: setOffered,
        onError: (why) => fail.current(why),
      });
      session.current = opened;
      events.onOpen();
      return opened;
    },
    [layout],
  );
  const { phase, error, reason, id: sessionId, idle, again, end } = useViewer(id, 'rdp-web', opener, state?.answer);
  const unused = useCallback(() => end('nobody used it'), [end]);
  const idling = useIdle(idle, phase === 'open', unused);

  const choose = (next: string) => {
    localStorage.setItem(STORED, next);
    setLayout(next);
  };
  return (
    <ViewerFrame
      name={desktop?.name ?? ''}
      back="/portal"
      phase={phase}
      error={error}
      reason={reason}
      combinations={COMBINATIONS}
      onKeys={(combination) => session.current?.keys(combination)}
      received={received}
      onPaste={(text) => void session.current?.paste(text).catch(toasts.failure)}
      onAgain={again}
      screen={screen}
      notice={
        <>
          <IdleNotice idle={idling} />
          {(showFiles || offered.length > 0) && phase === 'open' && (
            <FilesBar
              files={offered}
              onSave={(index) => session.current?.saveFile(index).catch(toasts.failure) ?? Promise.resolve()}
              onOffer={(files) => session.current?.offerFiles(files)}
            />
          )}
        </>
      }
      session={sessionId}
      tools={
        <>
          <FormSelect
            aria-label={t('console.layout')}
            className="yd-narrow"
            value={layout}
            onChange={(_, value) => choose(value)}
          >
            {Object.keys(LAYOUTS).map((name) => (
              <FormSelectOption key={name} value={name} label={`${t('console.layout')}: ${name}`} />
            ))}
          </FormSelect>
          <Button variant="secondary" isDisabled={phase !== 'open'} onClick={() => setShowFiles(!showFiles)}>
            {t('files.title')}
          </Button>
          <Button variant="secondary" onClick={again}>
            {t('console.resize')}
          </Button>
        </>
      }
    />
  );
}
