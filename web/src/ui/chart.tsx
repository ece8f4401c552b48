// A small line of the last readings; the newest value stands beside it as text.
export function Chart({ values, label }: { values: number[]; label: string }) {
  const top = Math.max(1e-9, ...values);
  // A single reading is a level line already.
  const drawn = values.length === 1 ? [...values, ...values] : values;
  const step = 100 / Math.max(1, drawn.length - 1);
  const points = drawn.map((value, index) => `${(index * step).toFixed(2)},${(38 - (36 * value) / top).toFixed(2)}`);
  return (
    <svg className="yd-chart" viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="var(--pf-t--chart--color--blue--300, #0066cc)"
        strokeWidth="1"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
