// How good a session's connection is, and what makes it bad: as a label for lists, and in words for the person
// who works. The numbers behind it are explained in docs/experience.md.
import type { Connection } from '../data/types';
import { useI18n } from '../i18n';
import { SmallLabel, type Color } from './small-label';

export type Quality = Pick<Connection, 'score' | 'score_reason' | 'rtt_us' | 'jitter_us' | 'loss_ppm' | 'rate' | 'server_us'>;
export type Level = 'good' | 'fair' | 'poor';

const GOOD = 80;
const POOR = 50;
const COLORS: Record<Level, Color> = { good: 'green', fair: 'orange', poor: 'red' };

/** Undefined as long as nothing was measured. */
export function levelOf(row: Quality | undefined): Level | undefined {
  const score = row?.score ?? -1;
  if (score < 0 || !row?.score_reason) return undefined;
  if (score >= GOOD) return 'good';
  return score < POOR ? 'poor' : 'fair';
}

/** The figures behind a score, in one line. */
export function useFigures(): (row: Quality) => string {
  const { t, number } = useI18n();
  return (row) =>
    t('quality.figures', {
      score: number(row.score ?? 0),
      rtt: number((row.rtt_us ?? 0) / 1000),
      loss: number((row.loss_ppm ?? 0) / 10000),
      desktop: number((row.server_us ?? 0) / 1000),
    });
}

export function QualityLabel({ row }: { row: Quality }) {
  const { t, word, number } = useI18n();
  const figures = useFigures();
  const level = levelOf(row);
  if (!level) return <>–</>;
  return (
    <SmallLabel color={COLORS[level]} data-level={level} title={figures(row)}>
      {number(row.score ?? 0)} {level === 'good' ? t('quality.good') : word('quality.short', row.score_reason)}
    </SmallLabel>
  );
}

/** For the person who works: what they feel and why; nothing more than a dot and a word while all is well. */
export function QualityNotice({ row }: { row: Quality | undefined }) {
  const { t, word } = useI18n();
  const figures = useFigures();
  const level = levelOf(row);
  return (
    <span role="status" aria-label={t('quality.title')} data-testid="quality" data-level={level ?? 'unknown'}>
      {row && level && (
        <SmallLabel color={COLORS[level]} title={figures(row)}>
          {level === 'good' ? t('quality.good') : word('quality.reason', row.score_reason)}
        </SmallLabel>
      )}
    </span>
  );
}
