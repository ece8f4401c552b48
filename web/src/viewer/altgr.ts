// Windows reports AltGr as a left Ctrl and a right Alt. The guest knows AltGr itself, so the Ctrl that
// nobody pressed is let go again before it turns AltGr+Q into Ctrl+AltGr+Q.

/** Both events come at the same moment, or nearly. */
const TOGETHER_MS = 30;

export interface KeyLike {
  code: string;
  key: string;
  timeStamp: number;
}

export class AltGr {
  private ctrlAt = -Infinity;

  /** The keys to send for this event: key and whether it is pressed. */
  keys(event: KeyLike, pressed: boolean): [code: string, pressed: boolean][] {
    if (event.code === 'ControlLeft' && pressed) this.ctrlAt = event.timeStamp;
    const own: [string, boolean] = [event.code, pressed];
    const made = event.code === 'AltRight' && event.key === 'AltGraph' && event.timeStamp - this.ctrlAt <= TOGETHER_MS;
    if (!made || !pressed) return [own];
    this.ctrlAt = -Infinity;
    return [['ControlLeft', false], own];
  }
}
