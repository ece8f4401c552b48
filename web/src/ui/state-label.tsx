// A state as a coloured label with its word; colour is never the only sign. Drawn without the Label component, which
// measures each one's text again: in a table of fifty that is a third of the whole time.
import '@patternfly/react-styles/css/components/Label/label.css';
import { useI18n } from '../i18n';

const COLORS: Record<string, string> = {
  ready: 'green',
  active: 'green',
  up: 'green',
  done: 'green',
  open: 'green',
  failed: 'red',
  down: 'red',
  off: '',
  ended: '',
  cancelled: '',
  maintenance: 'orange',
  dropped: 'orange',
};

export function StateLabel({ of, state }: { of: string; state: string | null | undefined }) {
  const { word } = useI18n();
  const color = COLORS[state ?? ''] ?? 'blue';
  return (
    <span className={`pf-v6-c-label pf-m-filled pf-m-compact${color && ` pf-m-${color}`}`} data-state={state}>
      <span className="pf-v6-c-label__content">
        <span className="pf-v6-c-label__text">{word(`${of}.state`, state)}</span>
      </span>
    </span>
  );
}
