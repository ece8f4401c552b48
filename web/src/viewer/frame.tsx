// What both viewers have around the picture: the bar, the state in words, the clipboard, the way back.
import { Alert, Button, FormSelect, FormSelectOption, Label, TextArea } from '@patternfly/react-core';
import { BanIcon } from '@patternfly/react-icons/dist/esm/icons/ban-icon';
import { useEffect, useState, type ReactNode, type RefObject } from 'react';
import { Link } from 'react-router-dom';
import { useI18n } from '../i18n';
import { ProblemAlert } from '../ui/problem';
import { fits, type PasteRule } from './paste';
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
  /** What is too long for this way; false: the pool's policy forbids the clipboard. */
  clipboard: PasteRule | false;
  /** Text of this computer's clipboard that was too long to go over by itself. */
  tooLong?: string | undefined;
  onAgain: () => void;
  screen: RefObject<HTMLDivElement>;
  /** The session under way, for the quality of its connection. */
  session?: string | undefined;
  tools?: ReactNode;
  /** What the person must see now, whatever they do. */
  notice?: ReactNode;
  children?: ReactNode;
}

const LONG = 20_000;

function Clipboard({ received, rule, onPaste }: { received: string; rule: PasteRule; onPaste: (text: string) => void }) {
  const { t, bytes } = useI18n();
  const [text, setText] = useState(received);
  useEffect(() => setText(received), [received]);
  const tooLong = !fits(rule, text);
  return (
    <div className="yd-viewer-bar">
      <TextArea
        aria-label={t('console.clipboard-text')}
        data-testid="clipboard"
        value={text}
        validated={tooLong ? 'error' : 'default'}
        onChange={(_, value) => setText(value)}
        onPaste={(event) => {
          const pasted = event.clipboardData.getData('text/plain');
          if (pasted.length < LONG) return;
          // Browsers insert line by line what is pasted into a field: seconds for a megabyte.
          event.preventDefault();
          const { selectionStart, selectionEnd } = event.currentTarget as HTMLTextAreaElement;
          setText((before) => before.slice(0, selectionStart) + pasted.replaceAll('\r\n', '\n') + before.slice(selectionEnd));
        }}
      />
      <Button variant="secondary" isDisabled={tooLong} onClick={() => onPaste(text)}>
        {t('console.clipboard-send')}
      </Button>
      {tooLong && <small role="alert">{t('console.too-long', { size: bytes(rule.bytes(text)), limit: bytes(rule.limit) })}</small>}
    </div>
  );
}

function State({ phase, error, reason, onAgain }: Pick<ViewerFrameProps, 'phase' | 'error' | 'reason' | 'onAgain'>) {
  const { t, word, said } = useI18n();
  if (phase === 'connecting') return <Alert component="p" isInline variant="info" title={t('console.connecting')} />;
  if (phase === 'lost') return <Alert component="p" isInline variant="warning" title={t('console.lost')} />;
  if (phase === 'open') return null;
  return (
    <>
      <Alert component="p" isInline variant="warning" title={t(error ? 'console.failed' : 'console.cut')}>
        {reason && said(word('reason', reason))}
      </Alert>
      <ProblemAlert error={error} />
      <Button onClick={onAgain}>{t('console.again')}</Button>
    </>
  );
}

export function ViewerFrame(props: ViewerFrameProps) {
  const { t, bytes } = useI18n();
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
        {props.clipboard ? (
          <Button variant="secondary" isDisabled={phase !== 'open'} onClick={() => setShowClipboard(!showClipboard)}>
            {t('console.clipboard')}
          </Button>
        ) : (
          <Label variant="outline" icon={<BanIcon />} data-testid="no-clipboard">
            {t('console.no-clipboard')}
          </Label>
        )}
        <Button variant="secondary" onClick={() => void props.screen.current?.requestFullscreen()}>
          {t('console.full')}
        </Button>
        {props.tools}
        <SessionQuality session={phase === 'open' ? props.session : undefined} />
      </div>
      {showClipboard && props.clipboard && phase === 'open' && (
        <Clipboard received={props.received} rule={props.clipboard} onPaste={props.onPaste} />
      )}
      {props.clipboard && props.tooLong !== undefined && phase === 'open' && (
        <Alert component="p" isInline variant="warning" title={t('console.too-long-own')} data-testid="too-long">
          {t('console.too-long', { size: bytes(props.clipboard.bytes(props.tooLong)), limit: bytes(props.clipboard.limit) })}
        </Alert>
      )}
      {props.notice}
      <State phase={phase} error={props.error} reason={props.reason} onAgain={props.onAgain} />
      <div className="yd-viewer-screen" ref={props.screen} data-testid="screen">
        {props.children}
      </div>
    </main>
  );
}
