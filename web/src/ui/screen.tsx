// A picture of a machine's screen, taken when it is drawn; nothing when there is none to be had.
import { useState } from 'react';
import type { Desktop } from '../data/types';
import { useI18n } from '../i18n';

export function Screen({ desktop }: { desktop: Desktop }) {
  const { t } = useI18n();
  const [broken, setBroken] = useState<string>();
  const stamp = desktop.ready_at ?? '';
  if (desktop.state !== 'ready' || broken === stamp) return null;
  return (
    <img
      className="yd-screen"
      alt={t('portal.screen', { name: desktop.name ?? '' })}
      src={`/api/v1/desktops/${desktop.id}/screenshot?at=${encodeURIComponent(stamp)}`}
      onError={() => setBroken(stamp)}
    />
  );
}
