// Figures over time as bars; each leads to what it counts.
import { Link } from 'react-router-dom';
import { useI18n } from '../i18n';

export interface Bar {
  /** When it begins (ISO 8601). */
  time: string;
  value: number;
  /** Where the rows are that it counts. */
  path: string;
}

export interface BarsProps {
  title: string;
  /** The figure beside the title, and where it leads. */
  total: string;
  path: string;
  bars: Bar[];
  danger?: boolean;
}

export function Bars({ title, total, path, bars, danger }: BarsProps) {
  const { number, date } = useI18n();
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  return (
    <section className="yd-bars" aria-label={title}>
      <h3 className="yd-bars-title">
        {title}{' '}
        <Link to={path} aria-label={`${title}: ${total}`}>
          {total}
        </Link>
      </h3>
      <div className="yd-bars-plot" data-danger={danger ?? false}>
        <span className="yd-bars-most" aria-hidden>
          {number(most)}
        </span>
        {bars.map((bar) => {
          const text = `${date(bar.time)}: ${number(bar.value)}`;
          const style = { height: `${(100 * bar.value) / most}%` };
          return (
            <div key={bar.time} className="yd-bars-slot" title={text}>
              {bar.value > 0 && <Link to={bar.path} aria-label={`${title}, ${text}`} className="yd-bar" style={style} tabIndex={-1} />}
            </div>
          );
        })}
      </div>
      <div className="yd-bars-axis">
        <span>{date(bars[0]?.time)}</span>
        <span>{date(bars.at(-1)?.time)}</span>
      </div>
    </section>
  );
}
