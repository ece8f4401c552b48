// Warns a person who did nothing for long, with a countdown.
import { Alert, Button } from '@patternfly/react-core';
import { useI18n } from '../i18n';
import type { Idle } from './idle';

export function IdleNotice({ idle }: { idle: Idle }) {
  const { t, number } = useI18n();
  if (idle.left === undefined) return null;
  return (
    <div role="alertdialog" aria-label={t('idle.title')} data-testid="idle-notice">
      <Alert
        component="p"
        isInline
        variant="warning"
        title={t('idle.title')}
        actionLinks={
          <Button variant="secondary" onClick={idle.stay}>
            {t('idle.stay')}
          </Button>
        }
      >
        {t('idle.text', { seconds: number(idle.left) })}
      </Alert>
    </div>
  );
}
