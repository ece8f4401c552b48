import { describe, expect, it } from 'vitest';
import { CONSOLE_PASTE, RDP_PASTE, fits } from './paste';

const MB = 1_000_000;

describe('the limits of the clipboard', () => {
  it('let a megabyte into a session, also of Chinese and of short lines', () => {
    for (const text of ['x'.repeat(MB), '字'.repeat(MB), 'x\n'.repeat(MB), '😀'.repeat(MB)]) expect(fits(RDP_PASTE, text)).toBe(true);
    expect(fits(RDP_PASTE, 'x'.repeat(4 * 1024 * 1024))).toBe(false);
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
