// PC scancodes (set 1) by the key's place (UI Events KeyboardEvent code values); 0xE0xx are the
// extended ones. What a key means is the guest's keyboard layout's business.

const PLAIN: Record<number, string> = {
  0x01: 'Escape',
  0x02: 'Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab',
  0x10: 'KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft',
  0x1e: 'KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash',
  0x2c: 'KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space CapsLock',
  0x3b: 'F1 F2 F3 F4 F5 F6 F7 F8 F9 F10',
  0x46: 'ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal',
  0x56: 'IntlBackslash F11 F12 NumpadEqual',
  0x70: 'KanaMode',
  0x73: 'IntlRo',
  0x79: 'Convert',
  0x7b: 'NonConvert',
  0x7d: 'IntlYen NumpadComma',
};

const EXTENDED: Record<number, string> = {
  0x1c: 'NumpadEnter ControlRight',
  0x35: 'NumpadDivide',
  0x37: 'PrintScreen AltRight',
  0x45: 'NumLock Pause Home ArrowUp PageUp',
  0x4b: 'ArrowLeft',
  0x4d: 'ArrowRight',
  0x4f: 'End ArrowDown PageDown Insert Delete',
  0x5b: 'MetaLeft MetaRight ContextMenu',
};

function table(rows: Record<number, string>, prefix: number): [string, number][] {
  return Object.entries(rows).flatMap(([first, names]) =>
    names.split(' ').map((name, index) => [name, prefix | (Number(first) + index)] as [string, number]),
  );
}

const SCANCODES = new Map([...table(PLAIN, 0), ...table(EXTENDED, 0xe000)]);

export function scancode(code: string): number | undefined {
  return SCANCODES.get(code);
}

const NAMES: Record<string, string> = {
  Ctrl: 'ControlLeft',
  Alt: 'AltLeft',
  Super: 'MetaLeft',
  Del: 'Delete',
  Esc: 'Escape',
  Print: 'PrintScreen',
};

/** The scancodes of "Ctrl+Alt+Del", in the order of pressing; empty when a name is unknown. */
export function combinationCodes(combination: string): number[] {
  const codes = combination.split('+').map((name) => scancode(NAMES[name] ?? name));
  return codes.includes(undefined) ? [] : (codes as number[]);
}
