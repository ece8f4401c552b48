import { describe, expect, it } from 'vitest';
import { en } from '../i18n/en';
import { levelOf } from './quality';

describe('the level of a connection', () => {
  it('is unknown until something was measured', () => {
    expect(levelOf(undefined)).toBeUndefined();
    expect(levelOf({ score: -1, score_reason: null })).toBeUndefined();
  });

  it('follows the score', () => {
    const level = (score: number) => levelOf({ score, score_reason: score >= 80 ? 'good' : 'delay' });
    expect([0, 49, 50, 79, 80, 100].map(level)).toEqual(['poor', 'poor', 'fair', 'fair', 'good', 'good']);
  });

  it('has words for each cause', () => {
    for (const cause of ['delay', 'loss', 'jitter', 'bandwidth', 'server']) {
      expect(en).toHaveProperty([`quality.reason.${cause}`]);
      expect(en).toHaveProperty([`quality.short.${cause}`]);
    }
  });
});
