// Keys, mouse and touch of a canvas as events of an RDP session. A finger is the left button; held
// still it is the right one.
import { Backend } from '@devolutions/iron-remote-desktop-rdp';
import { combinationCodes, scancode } from './scancodes';

type Session = Awaited<ReturnType<InstanceType<typeof Backend.SessionBuilder>['connect']>>;
type DeviceEvent = ReturnType<typeof Backend.DeviceEvent.keyPressed>;

const HOLD_MS = 600;
/** A finger that moves farther than this is no long press. */
const HOLD_PX = 10;
const RIGHT = 2;

/** Where a place of the page lies in the picture, whatever size the picture is shown in. */
export function place(
  event: { clientX: number; clientY: number },
  box: { left: number; top: number; width: number; height: number },
  picture: { width: number; height: number },
): { x: number; y: number } {
  const scale = (offset: number, shown: number, real: number) =>
    Math.max(0, Math.min(real - 1, Math.round((offset * real) / Math.max(1, shown))));
  return {
    x: scale(event.clientX - box.left, box.width, picture.width),
    y: scale(event.clientY - box.top, box.height, picture.height),
  };
}

export class RdpInput {
  private readonly abort = new AbortController();
  private hold: ReturnType<typeof setTimeout> | undefined;
  private holdAt = { x: 0, y: 0 };

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly session: Session,
  ) {
    const { signal } = this.abort;
    canvas.addEventListener('keydown', (event) => this.key(event, true), { signal });
    canvas.addEventListener('keyup', (event) => this.key(event, false), { signal });
    canvas.addEventListener('blur', () => session.releaseAllInputs(), { signal });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault(), { signal });
    canvas.addEventListener('pointermove', (event) => this.move(event), { signal });
    canvas.addEventListener('pointerdown', (event) => this.down(event), { signal });
    canvas.addEventListener('pointerup', (event) => this.up(event), { signal });
    canvas.addEventListener('pointercancel', (event) => this.up(event), { signal });
    canvas.addEventListener('wheel', (event) => this.wheel(event), { signal, passive: false });
  }

  combination(name: string): void {
    const codes = combinationCodes(name);
    this.send(...codes.map((code) => Backend.DeviceEvent.keyPressed(code)));
    this.send(...codes.reverse().map((code) => Backend.DeviceEvent.keyReleased(code)));
  }

  stop(): void {
    clearTimeout(this.hold);
    this.abort.abort();
  }

  private send(...events: DeviceEvent[]): void {
    if (events.length === 0) return;
    const transaction = new Backend.InputTransaction();
    for (const event of events) transaction.addEvent(event);
    this.session.applyInputs(transaction);
  }

  private key(event: KeyboardEvent, pressed: boolean): void {
    const code = scancode(event.code);
    if (code === undefined) return;
    event.preventDefault();
    const lock = (name: string) => event.getModifierState(name);
    if (pressed && !event.repeat)
      this.session.synchronizeLockKeys(lock('ScrollLock'), lock('NumLock'), lock('CapsLock'), lock('KanaMode'));
    this.send(pressed ? Backend.DeviceEvent.keyPressed(code) : Backend.DeviceEvent.keyReleased(code));
  }

  private moveEvent(event: PointerEvent): DeviceEvent {
    const { x, y } = place(event, this.canvas.getBoundingClientRect(), this.canvas);
    return Backend.DeviceEvent.mouseMove(x, y);
  }

  private move(event: PointerEvent): void {
    if (Math.hypot(event.clientX - this.holdAt.x, event.clientY - this.holdAt.y) > HOLD_PX) clearTimeout(this.hold);
    this.send(this.moveEvent(event));
  }

  private down(event: PointerEvent): void {
    event.preventDefault();
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    this.send(this.moveEvent(event), Backend.DeviceEvent.mouseButtonPressed(event.button));
    if (event.pointerType !== 'touch') return;
    this.holdAt = { x: event.clientX, y: event.clientY };
    this.hold = setTimeout(() => {
      this.send(Backend.DeviceEvent.mouseButtonReleased(0));
      this.send(Backend.DeviceEvent.mouseButtonPressed(RIGHT), Backend.DeviceEvent.mouseButtonReleased(RIGHT));
    }, HOLD_MS);
  }

  private up(event: PointerEvent): void {
    clearTimeout(this.hold);
    this.send(this.moveEvent(event), Backend.DeviceEvent.mouseButtonReleased(Math.max(0, event.button)));
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const vertical = event.deltaY !== 0;
    const amount = vertical ? event.deltaY : event.deltaX;
    this.send(Backend.DeviceEvent.wheelRotations(vertical, -amount, event.deltaMode));
  }
}
