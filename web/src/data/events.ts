// The server's stream of changes (server-sent events). Many changes at once become one reading: the
// nouns are gathered for a moment. A lost stream comes back by itself; then everything is read again.

import { cache, dependsOn, type Cache } from './cache';

export interface ChangeEvent {
  kind: string;
  noun: string;
  object_id: string;
}

const GATHER_MS = 150;

export class Changes {
  private source: EventSource | undefined;
  private nouns = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lost = false;

  constructor(
    private readonly target: Cache = cache,
    private readonly onState: (online: boolean) => void = () => undefined,
  ) {}

  start(): void {
    if (this.source) return;
    this.source = new EventSource('/api/v1/events', { withCredentials: true });
    this.source.onopen = () => {
      if (this.lost) this.target.invalidate(() => true);
      this.lost = false;
      this.onState(true);
    };
    this.source.onerror = () => {
      this.lost = true;
      this.onState(false);
      if (this.source?.readyState === EventSource.CLOSED) this.again();
    };
    const take = (message: MessageEvent<string>) => this.take(message.data);
    this.source.onmessage = take;
    for (const kind of ['created', 'changed', 'deleted']) this.source.addEventListener(kind, take);
  }

  stop(): void {
    this.source?.close();
    this.source = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.nouns.clear();
  }

  /** One event's data; text that is no event is left alone. */
  take(text: string): void {
    let event: Partial<ChangeEvent>;
    try {
      event = JSON.parse(text) as Partial<ChangeEvent>;
    } catch {
      return;
    }
    if (typeof event.noun !== 'string') return;
    this.nouns.add(event.noun);
    this.timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  private flush(): void {
    const nouns = [...this.nouns];
    this.nouns.clear();
    this.timer = undefined;
    this.target.invalidate((path) => nouns.some((noun) => dependsOn(path, noun)));
  }

  private again(): void {
    this.source?.close();
    this.source = undefined;
    setTimeout(() => this.start(), 3000);
  }
}
