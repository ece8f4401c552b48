// Reads single parts of a ZIP file in memory. Whoever made the file may mean ill: sizes are counted while unpacking,
// never believed.
import { SheetError } from './error';

/** Unpacks raw deflate data of at most limit bytes; throws SheetError('too-large') above. */
export type Inflate = (packed: Uint8Array, limit: number) => Promise<Uint8Array>;

interface Entry {
  method: number;
  flags: number;
  packed: number;
  offset: number;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const MAX_ENTRIES = 10000;
const ENCRYPTED = 1;

function join(chunks: Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** The browser's own. */
export const inflateRaw: Inflate = async (packed, limit) => {
  const stream = new Blob([packed as BlobPart]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new SheetError('damaged');
    });
    if (done) return join(chunks, length);
    length += value.length;
    if (length > limit) {
      void reader.cancel().catch(() => undefined);
      throw new SheetError('too-large');
    }
    chunks.push(value);
  }
};

export const isZip = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

export class Zip {
  private readonly view: DataView;
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly bytes: Uint8Array,
    private readonly inflate: Inflate,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      this.readDirectory();
    } catch (error) {
      throw error instanceof RangeError ? new SheetError('damaged') : error;
    }
  }

  /** The end record stands before a comment of at most 65,535 bytes. */
  private findEnd(): number {
    for (let at = this.bytes.length - 22; at >= 0 && at >= this.bytes.length - 22 - 0xffff; at--)
      if (this.view.getUint32(at, true) === END) return at;
    throw new SheetError('damaged');
  }

  private readDirectory() {
    const end = this.findEnd();
    const count = this.view.getUint16(end + 10, true);
    if (count > MAX_ENTRIES) throw new SheetError('too-large');
    let at = this.view.getUint32(end + 16, true);
    const decoder = new TextDecoder();
    for (let i = 0; i < count; i++) {
      if (this.view.getUint32(at, true) !== CENTRAL) throw new SheetError('damaged');
      const name = this.view.getUint16(at + 28, true);
      const rest = this.view.getUint16(at + 30, true) + this.view.getUint16(at + 32, true);
      this.entries.set(decoder.decode(this.bytes.subarray(at + 46, at + 46 + name)).toLowerCase(), {
        flags: this.view.getUint16(at + 8, true),
        method: this.view.getUint16(at + 10, true),
        packed: this.view.getUint32(at + 20, true),
        offset: this.view.getUint32(at + 42, true),
      });
      at += 46 + name + rest;
    }
  }

  private packedBytes(entry: Entry): Uint8Array {
    if (entry.offset + 30 > this.bytes.length || this.view.getUint32(entry.offset, true) !== LOCAL) throw new SheetError('damaged');
    const start = entry.offset + 30 + this.view.getUint16(entry.offset + 26, true) + this.view.getUint16(entry.offset + 28, true);
    if (start + entry.packed > this.bytes.length) throw new SheetError('damaged');
    return this.bytes.subarray(start, start + entry.packed);
  }

  /** The text of the part of that name (case is of no matter); undefined: there is none. */
  async text(name: string, limit: number): Promise<string | undefined> {
    const entry = this.entries.get(name.toLowerCase());
    if (!entry) return undefined;
    if (entry.flags & ENCRYPTED || (entry.method !== 0 && entry.method !== 8)) throw new SheetError('damaged');
    const packed = this.packedBytes(entry);
    if (entry.method === 0 && packed.length > limit) throw new SheetError('too-large');
    const bytes = entry.method === 0 ? packed : await this.inflate(packed, limit);
    const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
    return new TextDecoder(utf16).decode(bytes);
  }
}
