// A state as a coloured label with its word; colour is never the only sign.
import { Label, type LabelProps } from '@patternfly/react-core';
import { useI18n } from '../i18n';

const COLORS: Record<string, LabelProps['color']> = {
  ready: 'green',
  active: 'green',
  up: 'green',
  done: 'green',
  open: 'green',
  failed: 'red',
  down: 'red',
  off: 'grey',
  ended: 'grey',
  cancelled: 'grey',
  maintenance: 'orange',
  dropped: 'orange',
};

export function StateLabel({ of, state }: { of: string; state: string | null | undefined }) {
  const { word } = useI18n();
  return (
    <Label color={COLORS[state ?? ''] ?? 'blue'} isCompact data-state={state}>
      {word(`${of}.state`, state)}
    </Label>
  );
}
