// Keys, mouse and touch of a canvas as events of an RDP session.
import { Backend } from '@devolutions/iron-remote-desktop-rdp';
import { AltGr } from './altgr';
import { combinationCodes, scancode } from './scancodes';
import { Touch, type Place } from './touch';
import { Zoom } from './zoom';

type Session = Awaited<ReturnType<InstanceType<typeof Backend.SessionBuilder>['connect']>>;
type DeviceEvent = ReturnType<typeof Backend.DeviceEvent.keyPressed>;

const PIXELS = 0; // WheelEvent.DOM_DELTA_PIXEL

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
  private readonly altGr = new AltGr();
  private readonly zoom: Zoom;
  private readonly touch: Touch;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly session: Session,
  ) {
    const { signal } = this.abort;
    this.zoom = new Zoom(canvas, canvas.parentElement ?? canvas);
    this.touch = new Touch({
      move: (at) => this.send(this.moveEvent(at)),
      button: (button, pressed) => this.button(button, pressed),
      scroll: (x, y) => this.scroll(x, y),
      zoom: (factor) => this.zoom.by(factor),
    });
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
    this.touch.stop();
    this.abort.abort();
  }

  private send(...events: DeviceEvent[]): void {
    if (events.length === 0) return;
    const transaction = new Backend.InputTransaction();
    for (const event of events) transaction.addEvent(event);
    this.session.applyInputs(transaction);
  }

  private key(event: KeyboardEvent, pressed: boolean): void {
    if (scancode(event.code) === undefined) return;
    event.preventDefault();
    const lock = (name: string) => event.getModifierState(name);
    if (pressed && !event.repeat)
      this.session.synchronizeLockKeys(lock('ScrollLock'), lock('NumLock'), lock('CapsLock'), lock('KanaMode'));
    for (const [name, down] of this.altGr.keys(event, pressed)) {
      const code = scancode(name);
      if (code !== undefined) this.send(down ? Backend.DeviceEvent.keyPressed(code) : Backend.DeviceEvent.keyReleased(code));
    }
  }

  private moveEvent(at: Place): DeviceEvent {
    const { x, y } = place(at, this.canvas.getBoundingClientRect(), this.canvas);
    return Backend.DeviceEvent.mouseMove(x, y);
  }

  private button(button: number, pressed: boolean): void {
    this.send(pressed ? Backend.DeviceEvent.mouseButtonPressed(button) : Backend.DeviceEvent.mouseButtonReleased(button));
  }

  private move(event: PointerEvent): void {
    if (event.pointerType === 'touch') this.touch.move(event.pointerId, event);
    else this.send(this.moveEvent(event));
  }

  private down(event: PointerEvent): void {
    event.preventDefault();
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    if (event.pointerType === 'touch') this.touch.down(event.pointerId, event);
    else this.send(this.moveEvent(event), Backend.DeviceEvent.mouseButtonPressed(event.button));
  }

  private up(event: PointerEvent): void {
    if (event.pointerType === 'touch') this.touch.up(event.pointerId);
    else this.send(this.moveEvent(event), Backend.DeviceEvent.mouseButtonReleased(Math.max(0, event.button)));
  }

  private scroll(x: number, y: number): void {
    if (this.zoom.pan(x, y)) return;
    if (Math.abs(y) >= 1) this.send(Backend.DeviceEvent.wheelRotations(true, y, PIXELS));
    if (Math.abs(x) >= 1) this.send(Backend.DeviceEvent.wheelRotations(false, x, PIXELS));
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const vertical = event.deltaY !== 0;
    const amount = vertical ? event.deltaY : event.deltaX;
    this.send(Backend.DeviceEvent.wheelRotations(vertical, -amount, event.deltaMode));
  }
}
