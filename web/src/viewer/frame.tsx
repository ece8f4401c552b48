// What both viewers have around the picture: the bar, the state in words, the clipboard, the way back.
import { Alert, Button, FormSelect, FormSelectOption, TextArea } from '@patternfly/react-core';
import { useEffect, useState, type ReactNode, type RefObject } from 'react';
import { Link } from 'react-router-dom';
import { useI18n } from '../i18n';
import { ProblemAlert } from '../ui/problem';
import { PASTE_LIMIT } from './keys';
import { SessionQuality } from './session-quality';

export type Phase = 'connecting' | 'open' | 'lost' | 'ended';

export interface ViewerFrameProps {
  name: string;
  back: string;
  phase: Phase;
  error: unknown;
  /** Why the session was ended, in the server's words. */
  reason: string | undefined;
  combinations: readonly string[];
  onKeys: (combination: string) => void;
  /** Text that came from the desktop. */
  received: string;
  onPaste: (text: string) => void;
  onAgain: () => void;
  screen: RefObject<HTMLDivElement>;
  /** The session under way, for the quality of its connection. */
  session?: string | undefined;
  tools?: ReactNode;
  /** What the person must see now, whatever they do. */
  notice?: ReactNode;
  children?: ReactNode;
}

function Clipboard({ received, onPaste }: { received: string; onPaste: (text: string) => void }) {
  const { t, number } = useI18n();
  const [text, setText] = useState(received);
  useEffect(() => setText(received), [received]);
  const tooLong = text.length > PASTE_LIMIT;
  return (
    <div className="yd-viewer-bar">
      <TextArea
        aria-label={t('console.clipboard-text')}
        data-testid="clipboard"
        value={text}
        validated={tooLong ? 'error' : 'default'}
        onChange={(_, value) => setText(value)}
      />
      <Button variant="secondary" isDisabled={tooLong} onClick={() => onPaste(text)}>
        {t('console.clipboard-send')}
      </Button>
      {tooLong && <small role="alert">{t('console.too-long', { limit: number(PASTE_LIMIT / 1024) })}</small>}
    </div>
  );
}

function State({ phase, error, reason, onAgain }: Pick<ViewerFrameProps, 'phase' | 'error' | 'reason' | 'onAgain'>) {
  const { t, word } = useI18n();
  if (phase === 'connecting') return <Alert component="p" isInline variant="info" title={t('console.connecting')} />;
  if (phase === 'lost') return <Alert component="p" isInline variant="warning" title={t('console.lost')} />;
  if (phase === 'open') return null;
  return (
    <>
      <Alert component="p" isInline variant="warning" title={t(error ? 'console.failed' : 'console.cut')}>
        {reason && word('reason', reason)}
      </Alert>
      <ProblemAlert error={error} />
      <Button onClick={onAgain}>{t('console.again')}</Button>
    </>
  );
}

export function ViewerFrame(props: ViewerFrameProps) {
  const { t } = useI18n();
  const [showClipboard, setShowClipboard] = useState(false);
  const { name, phase } = props;
  useEffect(() => {
    document.title = t('console.title', { name });
  }, [t, name]);
  return (
    <main className="yd-viewer" data-phase={phase}>
      <div className="yd-viewer-bar" role="toolbar" aria-label={t('console.title', { name })}>
        <Link to={props.back}>{t('console.back')}</Link>
        <h1>{name}</h1>
        <FormSelect
          aria-label={t('console.keys')}
          value=""
          className="yd-narrow"
          isDisabled={phase !== 'open'}
          onChange={(_, value) => value && props.onKeys(value)}
        >
          <FormSelectOption value="" label={t('console.keys')} />
          {props.combinations.map((combination) => (
            <FormSelectOption key={combination} value={combination} label={combination} />
          ))}
        </FormSelect>
        <Button variant="secondary" isDisabled={phase !== 'open'} onClick={() => setShowClipboard(!showClipboard)}>
          {t('console.clipboard')}
        </Button>
        <Button variant="secondary" onClick={() => void props.screen.current?.requestFullscreen()}>
          {t('console.full')}
        </Button>
        {props.tools}
        <SessionQuality session={phase === 'open' ? props.session : undefined} />
      </div>
      {showClipboard && phase === 'open' && <Clipboard received={props.received} onPaste={props.onPaste} />}
      {props.notice}
      <State phase={phase} error={props.error} reason={props.reason} onAgain={props.onAgain} />
      <div className="yd-viewer-screen" ref={props.screen} data-testid="screen">
        {props.children}
      </div>
    </main>
  );
}
