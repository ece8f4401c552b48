// A state as a coloured label with its word; colour is never the only sign.
import { useI18n } from '../i18n';
import { SmallLabel, type Color } from './small-label';

const COLORS: Record<string, Color> = {
  ready: 'green',
  active: 'green',
  up: 'green',
  ok: 'green',
  missing: 'red',
  drift: 'orange',
  unreachable: 'grey',
  done: 'green',
  open: 'green',
  healthy: 'green',
  failed: 'red',
  down: 'red',
  fenced: 'red',
  suspect: 'orange',
  off: 'grey',
  ended: 'grey',
  cancelled: 'grey',
  saved: 'grey',
  maintenance: 'orange',
  dropped: 'orange',
  paused: 'orange',
  'rolled-back': 'orange',
  serving: 'green',
  draining: 'orange',
  retiring: 'grey',
};

export function StateLabel({ of, state }: { of: string; state: string | null | undefined }) {
  const { word } = useI18n();
  return (
    <SmallLabel color={COLORS[state ?? ''] ?? 'blue'} data-state={state}>
      {word(`${of}.state`, state)}
    </SmallLabel>
  );
}
