// Files through the clipboard, both ways: what was copied in the desktop can be saved here, what is
// picked or dropped here can be pasted there. IronRDP's provider does the protocol (MS-RDPECLIP).
import { RdpFileTransferProvider, type FileInfo } from '@devolutions/iron-remote-desktop-rdp';
import { download } from '../data/connect';

type Session = Parameters<RdpFileTransferProvider['setSession']>[0];

export interface OfferedFile {
  index: number;
  name: string;
  size: number;
}

export interface FileEvents {
  /** The files that were copied in the desktop just now; none: something else was. */
  onOffer: (files: OfferedFile[]) => void;
  onError: (error: unknown) => void;
}

/** Folders are left out: a browser saves files only. */
export function offered(files: readonly FileInfo[]): OfferedFile[] {
  return files
    .map((file, index) => ({ index, name: file.path ? `${file.path.replaceAll('\\', '/')}/${file.name}` : file.name, size: file.size, folder: file.isDirectory }))
    .filter((file) => !file.folder)
    .map(({ index, name, size }) => ({ index, name, size }));
}

export class RdpFiles {
  private readonly provider: RdpFileTransferProvider;
  private readonly abort = new AbortController();
  private infos: FileInfo[] = [];

  constructor(private readonly events: FileEvents) {
    this.provider = new RdpFileTransferProvider();
    this.provider.on('files-available', (files) => {
      this.infos = files;
      events.onOffer(offered(files));
    });
    this.provider.on('error', (error) => events.onError(new Error(error.message)));
  }

  extensions() {
    return this.provider.getBuilderExtensions();
  }

  begin(session: Session, target: HTMLElement): void {
    const { signal } = this.abort;
    this.provider.setSession(session);
    target.addEventListener('dragover', (event) => this.provider.handleDragOver(event), { signal });
    target.addEventListener('drop', (event) => void this.drop(event), { signal });
  }

  end(): void {
    this.abort.abort();
    try {
      this.provider.dispose();
    } catch {
      // The session may have crashed.
    }
  }

  /** Something else is in the desktop's clipboard. */
  forget(): void {
    if (this.infos.length === 0) return;
    this.infos = [];
    this.events.onOffer([]);
  }

  async save(index: number): Promise<void> {
    const info = this.infos[index];
    if (!info) return;
    const blob = await this.provider.downloadFile(info, index).completion;
    download(info.name, blob);
  }

  /** Offers files to the desktop: they are in its clipboard until something else is. */
  offer(files: File[]): void {
    // They are read whenever somebody pastes, which may be never.
    this.provider.uploadFiles(files).completion.catch(this.events.onError);
  }

  private async drop(event: DragEvent): Promise<void> {
    event.preventDefault();
    try {
      const dropped = await this.provider.handleDrop(event);
      if (dropped.length > 0) this.provider.uploadFiles(dropped).completion.catch(this.events.onError);
    } catch (error) {
      this.events.onError(error);
    }
  }
}
