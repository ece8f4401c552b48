import { describe, expect, it, vi } from 'vitest';

vi.mock('@devolutions/iron-remote-desktop-rdp', () => ({ Backend: {}, displayControl: () => 0, enableCredssp: () => 0, init: () => Promise.resolve() }));

const { desktopSize, problemOf, rdpUrl } = await import('./rdp-client');
const { place } = await import('./rdp-input');
const { combinationCodes, scancode } = await import('./scancodes');
const { COMBINATIONS } = await import('./keys');

describe('the RDP client', () => {
  it('asks for sizes that guests can take', () => {
    expect(desktopSize(1283, 721)).toEqual({ width: 1280, height: 720 });
    expect(desktopSize(100, 100)).toEqual({ width: 640, height: 480 });
  });

  it('tells the gate the keyboard layout', () => {
    expect(rdpUrl({ protocol: 'https:', host: 'desk.example' }, 'de')).toBe('wss://desk.example/connect/rdp?keyboard=407');
    expect(rdpUrl({ protocol: 'https:', host: 'desk.example' }, 'nonsense')).toBe('wss://desk.example/connect/rdp?keyboard=0');
  });

  it('makes our problems of its errors', () => {
    const iron = (detail: object | undefined) => ({ kind: () => 4, backtrace: () => 'first\nsecond', rdcleanpathDetails: () => detail });
    expect(problemOf(iron({ httpStatusCode: 403 })).problem).toMatchObject({ status: 403, code: 'state', detail: 'first' });
    expect(problemOf(iron({ wsaErrorCode: 10061 })).problem).toMatchObject({ status: 503, code: 'unavailable' });
    expect(problemOf(iron(undefined)).problem).toMatchObject({ status: 0, code: 'offline' });
    expect(problemOf('text').problem.detail).toBe('text');
  });
});

describe('input', () => {
  it('finds the place in a picture that is shown smaller', () => {
    const box = { left: 10, top: 20, width: 500, height: 400 };
    const picture = { width: 1000, height: 800 };
    expect(place({ clientX: 10, clientY: 20 }, box, picture)).toEqual({ x: 0, y: 0 });
    expect(place({ clientX: 260, clientY: 220 }, box, picture)).toEqual({ x: 500, y: 400 });
    expect(place({ clientX: 9999, clientY: -5 }, box, picture)).toEqual({ x: 999, y: 0 });
  });

  it('knows the scancodes of set 1', () => {
    const known: Record<string, number> = {
      Escape: 0x01, Digit0: 0x0b, Tab: 0x0f, KeyQ: 0x10, Enter: 0x1c, KeyA: 0x1e, Backslash: 0x2b, KeyZ: 0x2c, Space: 0x39,
      F10: 0x44, Numpad7: 0x47, NumpadDecimal: 0x53, IntlBackslash: 0x56, F12: 0x58, NumpadEnter: 0xe01c, AltRight: 0xe038,
      Home: 0xe047, ArrowUp: 0xe048, ArrowLeft: 0xe04b, Delete: 0xe053, MetaLeft: 0xe05b, ContextMenu: 0xe05d,
    };
    for (const [code, value] of Object.entries(known)) expect(scancode(code), code).toBe(value);
    expect(scancode('Nonsense')).toBeUndefined();
  });

  it('can press every combination that is offered', () => {
    for (const combination of COMBINATIONS) expect(combinationCodes(combination).length, combination).toBe(combination.split('+').length);
    expect(combinationCodes('Ctrl+Nonsense')).toEqual([]);
  });
});
