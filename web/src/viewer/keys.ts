// What the toolbar of the console needs: key combinations by name, the wait before the next try, and
// the address of the gate's WebSocket.

export interface KeySink {
  sendKey(keysym: number, code: string | null, down?: boolean): void;
}

// X keysyms (X11 keysymdef.h) and the key's code (UI Events KeyboardEvent code values).
const KEYS: Record<string, [number, string]> = {
  Ctrl: [0xffe3, 'ControlLeft'],
  Alt: [0xffe9, 'AltLeft'],
  Super: [0xffeb, 'MetaLeft'],
  Del: [0xffff, 'Delete'],
  Tab: [0xff09, 'Tab'],
  Esc: [0xff1b, 'Escape'],
  Print: [0xff61, 'PrintScreen'],
  Backspace: [0xff08, 'Backspace'],
  ...Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`F${index + 1}`, [0xffbe + index, `F${index + 1}`] as [number, string]]),
  ),
};

export const COMBINATIONS = [
  'Ctrl+Alt+Del',
  'Ctrl+Alt+Backspace',
  'Alt+Tab',
  'Alt+F4',
  'Super',
  'Ctrl+Esc',
  'Print',
  ...Array.from({ length: 6 }, (_, index) => `Ctrl+Alt+F${index + 1}`),
];

/** Presses the keys of "Ctrl+Alt+Del" in order and lets them go backwards. */
export function press(sink: KeySink, combination: string): void {
  const keys = combination.split('+').map((name) => KEYS[name]);
  if (keys.some((key) => key === undefined)) return;
  const known = keys as [number, string][];
  for (const [keysym, code] of known) sink.sendKey(keysym, code, true);
  for (const [keysym, code] of [...known].reverse()) sink.sendKey(keysym, code, false);
}

/** Milliseconds before try number n (from 1): doubles from half a second up to eight seconds. */
export function backoff(n: number): number {
  return Math.min(8000, 500 * 2 ** (n - 1));
}

export function socketUrl(location: { protocol: string; host: string }, ticket: string): string {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${location.host}/connect/console?ticket=${encodeURIComponent(ticket)}`;
}
