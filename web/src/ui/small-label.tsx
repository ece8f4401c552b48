// A coloured label in a table. Drawn without the Label component, which measures each one's text again: in a table of
// fifty that is a third of the whole time.
import '@patternfly/react-styles/css/components/Label/label.css';
import type { HTMLAttributes } from 'react';

export type Color = 'green' | 'red' | 'orange' | 'blue' | 'grey';

interface SmallLabelProps extends Omit<HTMLAttributes<HTMLSpanElement>, 'color'> {
  color: Color;
  [data: `data-${string}`]: string | null | undefined;
}

export function SmallLabel({ color, children, ...rest }: SmallLabelProps) {
  return (
    <span className={`pf-v6-c-label pf-m-filled pf-m-compact${color === 'grey' ? '' : ` pf-m-${color}`}`} {...rest}>
      <span className="pf-v6-c-label__content">{children}</span>
    </span>
  );
}
