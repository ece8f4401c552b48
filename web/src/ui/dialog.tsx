// Dialogs: one frame, one that asks before something is lost, one that shows a secret once.
import {
  Button,
  ClipboardCopy,
  Content,
  Form,
  FormGroup,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { useI18n } from '../i18n';
import { ProblemAlert } from './problem';

interface FrameProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer: ReactNode;
  warn?: boolean;
}

export function Dialog({ title, onClose, children, footer, warn }: FrameProps) {
  return (
    <Modal isOpen variant="medium" onEscapePress={onClose} aria-labelledby="dialog-title" aria-describedby="dialog-body">
      <ModalHeader title={title} labelId="dialog-title" {...(warn ? { titleIconVariant: 'warning' } : {})} />
      <ModalBody id="dialog-body">{children}</ModalBody>
      <ModalFooter>{footer}</ModalFooter>
    </Modal>
  );
}

export interface ConfirmProps {
  title: string;
  /** What will be lost, in plain words. */
  text: string;
  action: string;
  /** Must be typed before the act: where data goes. */
  typeName?: string;
  /** A choice between the text and what is typed. */
  extra?: ReactNode;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

export function ConfirmDialog({ title, text, action, typeName, extra, onConfirm, onClose }: ConfirmProps) {
  const { t } = useI18n();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const ready = typeName === undefined || typed.trim() === typeName;

  const confirm = async () => {
    if (busy || !ready) return;
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (why) {
      setError(why);
      setBusy(false);
    }
  };

  return (
    <Dialog
      warn
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button variant="danger" isDisabled={!ready || busy} isLoading={busy} onClick={() => void confirm()}>
            {action}
          </Button>
          <Button variant="link" onClick={onClose}>
            {t('act.cancel')}
          </Button>
        </>
      }
    >
      <Content component="p">{text}</Content>
      {extra}
      {typeName !== undefined && (
        <Form
          onSubmit={(event) => {
            event.preventDefault();
            void confirm();
          }}
        >
          <FormGroup label={t('confirm.type', { name: typeName })} fieldId="confirm-name">
            <TextInput id="confirm-name" value={typed} autoComplete="off" onChange={(_, value) => setTyped(value)} />
          </FormGroup>
        </Form>
      )}
      <ProblemAlert error={error} />
    </Dialog>
  );
}

interface SecretProps {
  title: string;
  text: string;
  username?: string | undefined;
  /** None: the file has all that is needed. */
  secret: string | undefined;
  onClose: () => void;
}

/** A password that is shown once, with a copy button. */
export function SecretDialog({ title, text, username, secret, onClose }: SecretProps) {
  const { t } = useI18n();
  const copy = { hoverTip: t('act.copy'), clickTip: t('act.copied'), isReadOnly: true } as const;
  return (
    <Dialog title={title} onClose={onClose} footer={<Button onClick={onClose}>{t('act.close')}</Button>}>
      <Content component="p">{text}</Content>
      {secret && (
        <Form>
          {username && (
            <FormGroup label={t('portal.once.user')}>
              <ClipboardCopy {...copy} textAriaLabel={t('portal.once.user')}>
                {username}
              </ClipboardCopy>
            </FormGroup>
          )}
          <FormGroup label={t('portal.once.password')}>
            <ClipboardCopy {...copy} textAriaLabel={t('portal.once.password')} data-testid="secret">
              {secret}
            </ClipboardCopy>
          </FormGroup>
        </Form>
      )}
    </Dialog>
  );
}
