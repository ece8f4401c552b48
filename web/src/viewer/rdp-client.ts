// IronRDP behind a small face: opens a session into an element, sends keys and clipboard, tells how
// it ended. The log-in is the gate's work: what stands here as user and password is replaced there.
import { Backend, displayControl, enableCredssp, init } from '@devolutions/iron-remote-desktop-rdp';
import { ApiError } from '../api/client';
import type { ConnectAnswer } from '../data/connect';
import { isTrap } from './crash';
import { RdpFiles, type FileEvents } from './rdp-files';
import { RdpInput } from './rdp-input';

type Session = Awaited<ReturnType<InstanceType<typeof Backend.SessionBuilder>['connect']>>;
type ClipboardData = InstanceType<typeof Backend.ClipboardData>;

export interface Size {
  width: number;
  height: number;
}

export interface RdpSession {
  keys: (combination: string) => void;
  paste: (text: string) => Promise<void>;
  saveFile: (index: number) => Promise<void>;
  offerFiles: (files: File[]) => void;
  close: () => void;
}

export interface RdpEvents extends FileEvents {
  /** Once, when the session is over, for whatever reason. */
  onEnd: () => void;
  /** Text that was copied inside of the desktop. */
  onText: (text: string) => void;
}

/** Windows keyboard layouts by the names that people choose. */
export const LAYOUTS: Record<string, number> = { us: 0x409, de: 0x407, fr: 0x40c };

const TEXT = 'text/plain';
let ready: Promise<void> | undefined;

/** Fetches and compiles the WebAssembly, once. */
function prepare(): Promise<void> {
  ready ??= init('WARN').catch((error: unknown) => {
    ready = undefined; // the network may be back the next time
    throw error;
  });
  return ready;
}

// It is megabytes: begun while the desktop is still asked for.
void prepare().catch(() => undefined);

/** RDP wants even widths; guests want no less than this. */
export function desktopSize(width: number, height: number): Size {
  return { width: Math.max(640, Math.floor(width / 4) * 4), height: Math.max(480, Math.floor(height / 2) * 2) };
}

export function rdpUrl(location: { protocol: string; host: string }, layout: string): string {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${location.host}/connect/rdp?keyboard=${(LAYOUTS[layout] ?? 0).toString(16)}`;
}

interface IronErrorLike {
  backtrace?: () => string;
  rdcleanpathDetails?: () => { httpStatusCode?: number; wsaErrorCode?: number } | undefined;
}

/** IronRDP's error as one of ours; the gate's reasons come as HTTP status or socket error. */
export function problemOf(error: unknown): ApiError {
  const iron = error as IronErrorLike | undefined;
  const detail = iron?.rdcleanpathDetails?.();
  const status = detail?.httpStatusCode ?? (detail?.wsaErrorCode ? 503 : 0);
  const code = status === 401 || status === 403 ? 'state' : status === 0 ? 'offline' : 'unavailable';
  return new ApiError({ status, code, detail: iron?.backtrace?.().split('\n')[0] ?? String(error) });
}

function textOf(data: ClipboardData): string | undefined {
  const item = data.items().find((one) => one.mimeType().startsWith('text/plain'));
  const value: unknown = item?.value();
  return typeof value === 'string' ? value : undefined;
}

/** Both clipboards, kept the same as far as the browser allows without asking. */
class Clipboard {
  private readonly abort = new AbortController();
  private last: string | undefined;
  private session: Session | undefined;

  constructor(private readonly onText: (text: string) => void) {}

  begin(session: Session, canvas: HTMLCanvasElement): void {
    const { signal } = this.abort;
    this.session = session;
    const look = () => void this.look();
    window.addEventListener('focus', look, { signal });
    canvas.addEventListener('focus', look, { signal });
    canvas.addEventListener('pointerenter', look, { signal });
  }

  end(): void {
    this.abort.abort();
    this.session = undefined;
  }

  /** The desktop asks what we have. */
  force(): void {
    void this.send(this.last);
  }

  async send(text: string | undefined): Promise<void> {
    const data = new Backend.ClipboardData();
    if (text !== undefined) data.addText(TEXT, text);
    this.last = text;
    await this.session?.onClipboardPaste(data);
  }

  received(data: ClipboardData): void {
    const text = textOf(data);
    if (text === undefined) return;
    this.last = text;
    this.onText(text);
    // Refused by browsers without a click or without focus: the text is in the panel all the same.
    navigator.clipboard?.writeText(text).catch(() => undefined);
  }

  private async look(): Promise<void> {
    try {
      const text = await navigator.clipboard.readText();
      if (text !== '' && text !== this.last) await this.send(text);
    } catch {
      // Not allowed here: the panel sends text.
    }
  }
}

function showCursor(canvas: HTMLCanvasElement) {
  return (kind: string, data?: string, x?: number, y?: number) => {
    if (kind === 'url' && data) canvas.style.cursor = `url(${data}) ${Math.round(x ?? 0)} ${Math.round(y ?? 0)}, default`;
    else canvas.style.cursor = kind === 'hidden' || kind === 'none' ? 'none' : 'default';
  };
}

function builderFor(
  answer: ConnectAnswer,
  layout: string,
  size: Size,
  canvas: HTMLCanvasElement,
  clipboard: Clipboard,
  files: RdpFiles,
) {
  const builder = new Backend.SessionBuilder()
    .username('yundesk')
    .password('yundesk')
    .destination('desktop:3389')
    .proxyAddress(rdpUrl(window.location, layout))
    .authToken(answer.ticket ?? '')
    .desktopSize(new Backend.DesktopSize(size.width, size.height))
    .renderCanvas(canvas)
    .setCursorStyleCallbackContext(null)
    .setCursorStyleCallback(showCursor(canvas))
    .remoteClipboardChangedCallback((data: ClipboardData) => {
      files.forget();
      clipboard.received(data);
    })
    .forceClipboardUpdateCallback(() => clipboard.force())
    .canvasResizedCallback(() => undefined)
    .extension(enableCredssp(false))
    .extension(displayControl(false));
  for (const extension of files.extensions()) builder.extension(extension);
  return builder;
}

export async function openRdp(
  host: HTMLElement,
  answer: ConnectAnswer,
  layout: string,
  size: Size,
  events: RdpEvents,
): Promise<RdpSession> {
  await prepare();
  const canvas = document.createElement('canvas');
  canvas.className = 'yd-canvas';
  canvas.tabIndex = 0;
  host.replaceChildren(canvas);
  const clipboard = new Clipboard(events.onText);
  const files = new RdpFiles(events);
  const session = await builderFor(answer, layout, size, canvas, clipboard, files)
    .connect()
    .catch((error: unknown) => {
      throw problemOf(error);
    });
  const input = new RdpInput(canvas, session);
  clipboard.begin(session, canvas);
  files.begin(session, canvas);
  canvas.focus();

  let over = false;
  const stop = () => {
    over = true;
    input.stop();
    clipboard.end();
    files.end();
  };
  const end = () => {
    if (over) return;
    stop();
    events.onEnd();
  };
  session.run().then(end, (why: unknown) => {
    if (isTrap(why)) window.reportError(why); // the viewer restarts (crash.ts)
    end();
  });
  return {
    keys: (combination) => input.combination(combination),
    paste: (text) => clipboard.send(text),
    saveFile: (index) => files.save(index),
    offerFiles: (picked) => files.offer(picked),
    close: () => {
      if (over) return;
      stop();
      try {
        session.shutdown();
      } catch {
        // After a crash nothing of it works any more, and nothing has to.
      }
    },
  };
}
