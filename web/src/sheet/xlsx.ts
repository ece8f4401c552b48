// Turns a sheet of an .xlsx file (ECMA-376 part 1) into CSV for the import of people. Loaded only when somebody chooses
// such a file. deskctl has a reader of its own (src/deskctl/xlsx.c); both are tried with the files of tests/data/xlsx.
import { SheetError } from './error';
import { formatOf, numberText, unescapeText, type Format } from './value';
import { walkXml } from './xml';
import { inflateRaw, isZip, Zip, type Inflate } from './zip';

export const MAX_BYTES = 32 << 20;
const MAX_PART = 64 << 20;
const MAX_CSV = 20 << 20;
const MAX_ROWS = 1048576;
const MAX_COLUMNS = 16384;

interface SheetEntry {
  name: string;
  part: string;
  hidden: boolean;
}

interface Relation {
  id: string;
  type: string;
  target: string;
}

interface Book {
  strings: string[];
  formats: Format[];
  from1904: boolean;
}

export interface Workbook {
  /** Sheets with cells, visible ones first. */
  names: string[];
  /** Line n of it is row n of the sheet. */
  csv(name?: string): Promise<string>;
}

/** Targets are relative to the folder of the part, or absolute. */
function resolve(part: string, target: string): string {
  const path = target.startsWith('/') ? target : `${part.slice(0, part.lastIndexOf('/') + 1)}${target}`;
  const plain: string[] = [];
  for (const step of path.split('/')) {
    if (step === '..') plain.pop();
    else if (step !== '' && step !== '.') plain.push(step);
  }
  return plain.join('/');
}

async function relationsOf(zip: Zip, part: string): Promise<Relation[]> {
  const slash = part.lastIndexOf('/') + 1;
  const xml = await zip.text(`${part.slice(0, slash)}_rels/${part.slice(slash)}.rels`, MAX_PART);
  if (xml === undefined) throw new SheetError('not-xlsx');
  const found: Relation[] = [];
  walkXml(xml, {
    begin(name, attribute) {
      if (name === 'Relationship')
        found.push({ id: attribute('Id') ?? '', type: attribute('Type') ?? '', target: resolve(part, attribute('Target') ?? '') });
    },
  });
  return found;
}

const ofType = (relations: Relation[], type: string) => relations.find((it) => it.type.endsWith(type))?.target;

function readStyles(xml: string): Format[] {
  const codes = new Map<number, string>();
  const formats: Format[] = [];
  let inside = false;
  walkXml(xml, {
    begin(name, attribute) {
      if (name === 'cellXfs') inside = true;
      const id = Number(attribute('numFmtId') ?? 0);
      if (name === 'numFmt') codes.set(id, attribute('formatCode') ?? '');
      else if (name === 'xf' && inside) formats.push(formatOf(id, codes.get(id)));
    },
    end(name) {
      if (name === 'cellXfs') inside = false;
    },
  });
  return formats;
}

/** Gathers the text of <t>, without how it sounds (<rPh>). */
class TextReader {
  value = '';
  private inText = false;
  private inSound = false;
  begin(name: string) {
    if (name === 't') this.inText = true;
    else if (name === 'rPh') this.inSound = true;
  }
  text(part: string) {
    if (this.inText && !this.inSound) this.value += part;
  }
  end(name: string) {
    if (name === 't') this.inText = false;
    else if (name === 'rPh') this.inSound = false;
  }
}

function readStrings(xml: string): string[] {
  const strings: string[] = [];
  const reader = new TextReader();
  walkXml(xml, {
    begin(name) {
      if (name === 'si') reader.value = '';
      reader.begin(name);
    },
    text: (part) => reader.text(part),
    end(name) {
      reader.end(name);
      if (name === 'si') strings.push(unescapeText(reader.value));
    },
  });
  return strings;
}

const quote = (value: string) => (/[,;\t"]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

/** "AB12" → 28. */
function columnOf(cell: string): number {
  const letters = /^([A-Za-z]{1,3})\d/.exec(cell)?.[1];
  if (!letters) throw new SheetError('damaged');
  return [...letters.toUpperCase()].reduce((column, letter) => column * 26 + letter.charCodeAt(0) - 64, 0);
}

class SheetReader {
  private readonly lines: string[] = [];
  private readonly texts = new TextReader();
  private row = 0;
  private column = 0;
  private cells: string[] = [];
  private type = 'n';
  private style = 0;
  private value = '';
  private inValue = false;
  private bytes = 0;

  constructor(private readonly book: Book) {}

  begin(name: string, attribute: (name: string) => string | undefined) {
    if (name === 'row') this.beginRow(attribute('r'));
    else if (name === 'c') this.beginCell(attribute);
    else if (name === 'v') this.inValue = true;
    else this.texts.begin(name);
  }

  text(part: string) {
    if (this.inValue) this.value += part;
    else this.texts.text(part);
  }

  end(name: string) {
    if (name === 'row') this.endRow();
    else if (name === 'c') this.endCell();
    else if (name === 'v') this.inValue = false;
    else this.texts.end(name);
  }

  private beginRow(number: string | undefined) {
    const row = number === undefined ? this.row + 1 : Number(number);
    if (!Number.isInteger(row) || row <= this.row || row > MAX_ROWS) throw new SheetError('damaged');
    this.row = row;
    this.column = 0;
    this.cells = [];
  }

  private beginCell(attribute: (name: string) => string | undefined) {
    const name = attribute('r');
    this.column = name === undefined ? this.column + 1 : columnOf(name);
    if (this.column > MAX_COLUMNS) throw new SheetError('damaged');
    this.type = attribute('t') ?? 'n';
    this.style = Number(attribute('s') ?? 0);
    this.value = '';
    this.texts.value = '';
  }

  private cellText(): string {
    const text = this.value + this.texts.value;
    if (text === '') return '';
    if (this.type === 's') {
      const found = this.book.strings[Number(text)];
      if (found === undefined) throw new SheetError('damaged');
      return found;
    }
    if (this.type === 'e') throw new SheetError('cell-error', { row: this.row, column: this.column, error: text });
    if (this.type === 'b') return text === '1' ? 'true' : 'false';
    if (this.type === 'n') return numberText(text, this.book.formats[this.style] ?? { kind: 'number', digits: 0 }, this.book.from1904);
    return unescapeText(text);
  }

  private endCell() {
    const value = this.cellText().replace(/[\r\n]/g, ' ').trim();
    if (value === '') return;
    this.count(value.length);
    this.cells[this.column - 1] = value; // holes become empty fields
  }

  private endRow() {
    if (this.cells.length === 0) return;
    while (this.lines.length + 1 < this.row) this.lines.push('');
    this.count(this.cells.length);
    this.lines.push(this.cells.map(quote).join(','));
  }

  /** A shared string may be named many times. */
  private count(bytes: number) {
    this.bytes += bytes;
    if (this.bytes > MAX_CSV) throw new SheetError('too-large');
  }

  csv = () => this.lines.map((line) => `${line}\n`).join('');
}

function readWorkbook(xml: string, relations: Relation[]): { sheets: SheetEntry[]; from1904: boolean } {
  const sheets: SheetEntry[] = [];
  let from1904 = false;
  walkXml(xml, {
    begin(name, attribute) {
      if (name === 'workbookPr') from1904 = ['1', 'true'].includes(attribute('date1904') ?? '');
      if (name !== 'sheet') return;
      const relation = relations.find((it) => it.id === attribute('id') && it.type.endsWith('/worksheet'));
      if (relation) sheets.push({ name: attribute('name') ?? '', part: relation.target, hidden: (attribute('state') ?? 'visible') !== 'visible' });
    },
  });
  return { sheets, from1904 };
}

/** Opens an .xlsx file; throws SheetError. */
export async function openXlsx(bytes: Uint8Array, inflate: Inflate = inflateRaw): Promise<Workbook> {
  if (bytes.length > MAX_BYTES) throw new SheetError('too-large');
  if (!isZip(bytes)) throw new SheetError('not-xlsx');
  const zip = new Zip(bytes, inflate);
  const part = ofType(await relationsOf(zip, ''), '/officeDocument') ?? '';
  const xml = await zip.text(part, MAX_PART);
  if (xml === undefined) throw new SheetError('not-xlsx');
  const relations = await relationsOf(zip, part);
  const { sheets, from1904 } = readWorkbook(xml, relations);
  if (sheets.length === 0) throw new SheetError('not-xlsx');
  const styles = await zip.text(ofType(relations, '/styles') ?? '', MAX_PART);
  const strings = await zip.text(ofType(relations, '/sharedStrings') ?? '', MAX_PART);
  const book: Book = { from1904, formats: styles === undefined ? [] : readStyles(styles), strings: strings === undefined ? [] : readStrings(strings) };
  const visible = sheets.filter((it) => !it.hidden);
  return {
    names: [...visible, ...sheets.filter((it) => it.hidden)].map((it) => it.name),
    async csv(name) {
      const sheet = name === undefined ? visible[0] : sheets.find((it) => it.name === name);
      const rows = sheet && (await zip.text(sheet.part, MAX_PART));
      if (rows === undefined) throw new SheetError('no-sheet');
      const reader = new SheetReader(book);
      walkXml(rows, { begin: (tag, attribute) => reader.begin(tag, attribute), text: (it) => reader.text(it), end: (tag) => reader.end(tag) });
      return reader.csv();
    },
  };
}
