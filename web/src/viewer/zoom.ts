// A picture that is shown larger than its frame, which then scrolls.
const MOST = 4;

export class Zoom {
  private factor = 1;

  constructor(
    private readonly canvas: HTMLElement,
    private readonly frame: HTMLElement,
  ) {}

  by(change: number): void {
    const shown = this.canvas.getBoundingClientRect();
    const fit = shown.width / this.factor;
    this.factor = Math.max(1, Math.min(MOST, this.factor * change));
    const whole = this.factor === 1;
    this.canvas.style.maxWidth = whole ? '' : 'none';
    this.canvas.style.maxHeight = whole ? '' : 'none';
    this.canvas.style.width = whole ? '' : `${Math.round(fit * this.factor)}px`;
  }

  /** Moves the picture in its frame; false when all of it is seen, and the desktop may scroll. */
  pan(x: number, y: number): boolean {
    if (this.factor === 1) return false;
    this.frame.scrollBy(-x, -y);
    return true;
  }
}
