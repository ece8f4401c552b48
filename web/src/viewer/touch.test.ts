import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AltGr } from './altgr';
import { Touch } from './touch';

const at = (x: number, y: number) => ({ clientX: x, clientY: y });

describe('fingers', () => {
  let seen: string[];
  let touch: Touch;

  beforeEach(() => {
    vi.useFakeTimers();
    seen = [];
    touch = new Touch({
      move: ({ clientX, clientY }) => seen.push(`${clientX},${clientY}`),
      button: (button, pressed) => seen.push(`${pressed ? '+' : '-'}${button}`),
      scroll: (x, y) => seen.push(`scroll ${x},${y}`),
      zoom: (factor) => seen.push(`zoom ${factor.toFixed(2)}`),
    });
  });
  afterEach(() => vi.useRealTimers());

  it('tap, with a small tremble', () => {
    touch.down(1, at(100, 100));
    touch.move(1, at(104, 101));
    touch.up(1);
    expect(seen).toEqual(['104,101', '+0', '-0']);
    vi.advanceTimersByTime(5000);
    expect(seen.length).toBe(3);
  });

  it('rest: the right button, and nothing else when the finger leaves', () => {
    touch.down(1, at(100, 100));
    vi.advanceTimersByTime(700);
    touch.move(1, at(150, 150));
    touch.up(1);
    expect(seen).toEqual(['100,100', '+2', '-2']);
  });

  it('drag from where they began', () => {
    touch.down(1, at(100, 100));
    touch.move(1, at(130, 100));
    touch.move(1, at(140, 100));
    touch.up(1);
    expect(seen).toEqual(['100,100', '+0', '130,100', '140,100', '140,100', '-0']);
  });

  it('scroll by two, without a click', () => {
    touch.down(1, at(100, 100));
    touch.down(2, at(200, 100));
    touch.move(1, at(100, 90));
    touch.move(2, at(200, 90));
    touch.up(1);
    touch.move(2, at(200, 50));
    touch.up(2);
    expect(seen).toEqual(['scroll 0,-5', 'scroll 0,-5']);
  });

  it('pinch', () => {
    touch.down(1, at(100, 100));
    touch.down(2, at(200, 100));
    touch.move(2, at(250, 100));
    expect(seen).toEqual(['zoom 1.50']);
  });

  it('let a drag go when a second one comes', () => {
    touch.down(1, at(100, 100));
    touch.move(1, at(130, 100));
    touch.down(2, at(200, 100));
    expect(seen.at(-1)).toBe('-0');
  });
});

describe('AltGr', () => {
  const key = (code: string, timeStamp: number, name = code) => ({ code, key: name, timeStamp });

  it('of Windows loses the Ctrl that nobody pressed', () => {
    const keys = new AltGr();
    expect(keys.keys(key('ControlLeft', 1000, 'Control'), true)).toEqual([['ControlLeft', true]]);
    expect(keys.keys(key('AltRight', 1000, 'AltGraph'), true)).toEqual([['ControlLeft', false], ['AltRight', true]]);
    expect(keys.keys(key('AltRight', 1200, 'AltGraph'), false)).toEqual([['AltRight', false]]);
  });

  it('leaves a Ctrl alone that was held before', () => {
    const keys = new AltGr();
    keys.keys(key('ControlLeft', 1000, 'Control'), true);
    expect(keys.keys(key('AltRight', 2000, 'AltGraph'), true)).toEqual([['AltRight', true]]);
  });
});
