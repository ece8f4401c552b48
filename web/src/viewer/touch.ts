// Fingers as a mouse: a tap is a click, a finger that moves drags, one that rests is the right
// button; two fingers scroll, and spread or pinched they make the picture larger or smaller.

const HOLD_MS = 600;
/** A finger that moves farther than this is neither a tap nor a long press. */
const MOVE_PX = 10;
/** Two fingers whose distance changes by more than this share want another size. */
const PINCH = 0.08;
const LEFT = 0;
const RIGHT = 2;

export interface Place {
  clientX: number;
  clientY: number;
}

export interface TouchSink {
  move: (at: Place) => void;
  button: (button: number, pressed: boolean) => void;
  /** Pixels that the content shall move by. */
  scroll: (x: number, y: number) => void;
  zoom: (factor: number) => void;
}

interface Finger {
  start: Place;
  now: Place;
}

const distance = (a: Place, b: Place) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
const copy = ({ clientX, clientY }: Place): Place => ({ clientX, clientY });

export class Touch {
  private readonly fingers = new Map<number, Finger>();
  private state: 'none' | 'waiting' | 'dragging' | 'done' | 'two' = 'none';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private spread = 0;

  constructor(private readonly sink: TouchSink) {}

  down(id: number, at: Place): void {
    this.fingers.set(id, { start: copy(at), now: copy(at) });
    clearTimeout(this.timer);
    if (this.fingers.size === 1) {
      this.state = 'waiting';
      this.timer = setTimeout(() => this.rested(copy(at)), HOLD_MS);
    } else if (this.fingers.size === 2) {
      if (this.state === 'dragging') this.sink.button(LEFT, false);
      this.state = 'two';
      this.spread = this.apart();
    }
  }

  move(id: number, at: Place): void {
    const finger = this.fingers.get(id);
    if (!finger) return;
    const before = finger.now;
    finger.now = copy(at);
    if (this.state === 'waiting' && distance(finger.start, at) > MOVE_PX) {
      clearTimeout(this.timer);
      this.state = 'dragging';
      this.sink.move(finger.start);
      this.sink.button(LEFT, true);
    }
    if (this.state === 'dragging') this.sink.move(finger.now);
    if (this.state === 'two') this.two(before, finger.now);
  }

  up(id: number): void {
    const finger = this.fingers.get(id);
    if (!finger) return;
    clearTimeout(this.timer);
    this.fingers.delete(id);
    if (this.state === 'waiting') {
      this.sink.move(finger.now);
      this.sink.button(LEFT, true);
      this.sink.button(LEFT, false);
    } else if (this.state === 'dragging') {
      this.sink.move(finger.now);
      this.sink.button(LEFT, false);
    }
    this.state = this.fingers.size === 0 ? 'none' : 'done'; // what the last finger still does is no gesture
  }

  stop(): void {
    clearTimeout(this.timer);
    this.fingers.clear();
    this.state = 'none';
  }

  private rested(at: Place): void {
    this.state = 'done';
    this.sink.move(at);
    this.sink.button(RIGHT, true);
    this.sink.button(RIGHT, false);
  }

  private apart(): number {
    const [a, b] = [...this.fingers.values()];
    return a && b ? distance(a.now, b.now) : 0;
  }

  private two(before: Place, now: Place): void {
    const apart = this.apart();
    if (this.spread > 0 && Math.abs(apart / this.spread - 1) > PINCH) {
      this.sink.zoom(apart / this.spread);
      this.spread = apart;
      return;
    }
    // Each of the two moves tells half of the way.
    this.sink.scroll((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
  }
}
