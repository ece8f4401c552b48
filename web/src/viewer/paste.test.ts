import { describe, expect, it } from 'vitest';
import { CONSOLE_PASTE, RDP_PASTE, fits } from './paste';

const MB = 1_000_000;

describe('the limits of the clipboard', () => {
  it('let half a million letters into a session, of whatever writing, and refuse a million', () => {
    for (const letter of ['x', '字']) expect([fits(RDP_PASTE, letter.repeat(MB / 2)), fits(RDP_PASTE, letter.repeat(MB))]).toEqual([true, false]);
    expect(fits(RDP_PASTE, 'x\n'.repeat(MB / 2))).toBe(false);
  });

  it('count the bytes of a machine’s screen, not the characters', () => {
    const most = 512 * 1024 - 5;
    expect(fits(CONSOLE_PASTE, 'x'.repeat(most))).toBe(true);
    expect(fits(CONSOLE_PASTE, 'x'.repeat(most + 1))).toBe(false);
    expect(fits(CONSOLE_PASTE, '字'.repeat(Math.floor(most / 3)))).toBe(true);
    expect(fits(CONSOLE_PASTE, '字'.repeat(Math.floor(most / 3) + 1))).toBe(false);
    expect(fits(CONSOLE_PASTE, '\n'.repeat(Math.floor(most / 2) + 1))).toBe(false);
  });
});
