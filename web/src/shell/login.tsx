// Logging in: as a page of its own, and over the page when a log-in ended in the middle of work.
import { Button, Card, CardBody, CardTitle, Content, Form, FormGroup, Modal, ModalBody, ModalHeader, TextInput } from '@patternfly/react-core';
import { useState, type FormEvent } from 'react';
import { patch, post } from '../api/client';
import { useSession } from '../data/session';
import { useI18n } from '../i18n';
import { ProblemAlert } from '../ui/problem';

function LoginForm({ username }: { username?: string | undefined }) {
  const { t } = useI18n();
  const { login } = useSession();
  const [name, setName] = useState(username ?? '');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await login(name.trim(), password);
    } catch (why) {
      setError(why);
      setPassword('');
      setBusy(false);
    }
  };

  return (
    <Form onSubmit={(event) => void submit(event)}>
      <FormGroup label={t('login.username')} fieldId="login-username" isRequired>
        <TextInput
          id="login-username"
          value={name}
          isRequired
          autoComplete="username"
          autoFocus={!username}
          onChange={(_, value) => setName(value)}
        />
      </FormGroup>
      <FormGroup label={t('login.password')} fieldId="login-password" isRequired>
        <TextInput
          id="login-password"
          type="password"
          value={password}
          isRequired
          autoComplete="current-password"
          autoFocus={!!username}
          onChange={(_, value) => setPassword(value)}
        />
      </FormGroup>
      <ProblemAlert error={error} />
      <Button type="submit" isBlock size="lg" isDisabled={busy} isLoading={busy}>
        {t('login.submit')}
      </Button>
    </Form>
  );
}

export function LanguageButton() {
  const { t, language, setLanguage } = useI18n();
  const { state } = useSession();
  const next = language === 'en' ? 'zh-CN' : 'en';
  const change = () => {
    setLanguage(next);
    // Kept with the account for the next browser; this one has it already.
    if (state === 'in') patch('/me', { language: next }).catch(() => undefined);
  };
  return (
    <Button variant="plain" lang={next} onClick={change}>
      {t('nav.language')}
    </Button>
  );
}

export function LoginPage() {
  const { t } = useI18n();
  return (
    <main className="yd-login">
      <Card className="yd-login-card">
        <CardTitle component="h1">
          {t('app.name')} – {t('login.title')}
        </CardTitle>
        <CardBody>
          <LoginForm />
        </CardBody>
      </Card>
      <LanguageButton />
    </main>
  );
}

export function LoginAgain() {
  const { t } = useI18n();
  const { again, user } = useSession();
  if (!again) return null;
  return (
    <Modal isOpen variant="small" aria-labelledby="again-title">
      <ModalHeader title={t('login.title')} labelId="again-title" />
      <ModalBody>
        <Content component="p">{t('login.again')}</Content>
        <LoginForm username={user?.username ?? undefined} />
      </ModalBody>
    </Modal>
  );
}

export function PasswordForm({ must, onDone }: { must?: boolean; onDone: () => Promise<void> | void }) {
  const { t } = useI18n();
  const [values, setValues] = useState({ old: '', fresh: '', repeat: '' });
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const differ = values.repeat !== '' && values.fresh !== values.repeat;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || values.fresh !== values.repeat) return;
    setBusy(true);
    setError(undefined);
    try {
      await post('/me/password', { old: values.old, new: values.fresh });
      setValues({ old: '', fresh: '', repeat: '' });
      await onDone();
    } catch (why) {
      setError(why);
    } finally {
      setBusy(false);
    }
  };
  const field = (name: keyof typeof values, label: string, complete: string) => (
    <FormGroup label={label} fieldId={`password-${name}`} isRequired>
      <TextInput
        id={`password-${name}`}
        type="password"
        isRequired
        autoComplete={complete}
        value={values[name]}
        validated={name === 'repeat' && differ ? 'error' : 'default'}
        onChange={(_, value) => setValues((all) => ({ ...all, [name]: value }))}
      />
      {name === 'repeat' && differ && <small role="alert">{t('password.differ')}</small>}
    </FormGroup>
  );

  return (
    <Form onSubmit={(event) => void submit(event)}>
      {must && <p>{t('password.must')}</p>}
      {field('old', t('password.old'), 'current-password')}
      {field('fresh', t('password.new'), 'new-password')}
      {field('repeat', t('password.repeat'), 'new-password')}
      <ProblemAlert error={error} />
      <Button type="submit" isDisabled={busy || differ} isLoading={busy}>
        {t('password.submit')}
      </Button>
    </Form>
  );
}

export function MustChangePage() {
  const { t } = useI18n();
  const { refresh, logout } = useSession();
  return (
    <main className="yd-login">
      <Card className="yd-login-card">
        <CardTitle component="h1">{t('password.title')}</CardTitle>
        <CardBody>
          <PasswordForm must onDone={refresh} />
          <Button variant="link" isInline onClick={() => void logout()}>
            {t('login.out')}
          </Button>
        </CardBody>
      </Card>
    </main>
  );
}
