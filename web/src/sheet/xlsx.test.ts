// @vitest-environment node
// The browser's reader against the same files as deskctl's, and files that mean ill.
import { readFileSync, readdirSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SheetError } from './error';
import { formatOf, numberText } from './value';
import { openXlsx } from './xlsx';
import { walkXml } from './xml';
import type { Inflate } from './zip';

const FILES = '../tests/data/xlsx';
// Node 18 has no DecompressionStream('deflate-raw'); the browser's own is tried by tests/e2e.
const inflate: Inflate = (packed, limit) => {
  try {
    return Promise.resolve(new Uint8Array(inflateRawSync(packed, { maxOutputLength: limit })));
  } catch (error) {
    return Promise.reject(new SheetError((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'damaged'));
  }
};
const open = (bytes: Uint8Array) => openXlsx(bytes, inflate);

function zip(parts: Record<string, string>): Uint8Array {
  const bodies: Buffer[] = [];
  const heads: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(parts)) {
    const packed = deflateRawSync(Buffer.from(text));
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(8, 8);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(8, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    bodies.push(local, Buffer.from(name), packed);
    heads.push(central, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(parts).length, 10);
  end.writeUInt32LE(offset, 16);
  return new Uint8Array(Buffer.concat([...bodies, ...heads, end]));
}

const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const book = (sheet: string, strings = '<sst/>') =>
  zip({
    '_rels/.rels': `<Relationships><Relationship Id="a" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `<x:workbook xmlns:x="m" xmlns:r="r"><x:sheets><x:sheet name="Secret" state="hidden" r:id="b"/><x:sheet name="People &amp; co" r:id="a"/></x:sheets></x:workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships><Relationship Id="a" Type="${OFFICE}/worksheet" Target="sheets/A.xml"/><Relationship Id="b" Type="${OFFICE}/worksheet" Target="/xl/sheets/../sheets/b.xml"/><Relationship Id="c" Type="${OFFICE}/sharedStrings" Target="s.xml"/></Relationships>`,
    'xl/sheets/a.xml': sheet,
    'xl/sheets/b.xml': '<worksheet><row><c><v>5</v></c></row></worksheet>',
    'xl/s.xml': strings,
  });
const csvOf = async (rows: string, strings?: string) => (await open(book(`<worksheet>${rows}</worksheet>`, strings))).csv();
const refused = async (bytes: Uint8Array, key: string) => {
  const error: unknown = await open(bytes).then((it) => it.csv()).catch((why: unknown) => why);
  expect(error).toBeInstanceOf(SheetError);
  expect((error as SheetError).key).toBe(key);
};

describe('files of spreadsheet programs', () => {
  for (const name of readdirSync(FILES).filter((it) => it.endsWith('.csv')))
    it(name, async () => {
      const [file, sheet] = name.split('.');
      const opened = await open(new Uint8Array(readFileSync(`${FILES}/${file ?? ''}.xlsx`)));
      expect(await opened.csv(sheet === 'first' ? undefined : sheet)).toBe(readFileSync(`${FILES}/${name}`, 'utf8'));
    });
});

describe('cells', () => {
  it('are text, shared or inline, and what formulas gave', async () => {
    const strings = '<sst><si><t>007</t></si><si><r><t>rich </t></r><r><t>text</t></r></si><si><t>东京</t><rPh><t>トウキョウ</t></rPh></si></sst>';
    expect(await csvOf('<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c r="D2" t="s"><v>2</v></c></row>', strings)).toBe('\n007,,rich text,东京\n');
    expect(await csvOf('<row><c t="inlineStr"><is><t> a, "b" </t></is></c><c t="str"><f>A1</f><v>x&amp;y_x000D_&#x4E2D;</v></c><c t="b"><v>1</v></c></row>')).toBe('"a, ""b""",x&y 中,true\n');
  });
  it('show numbers as a spreadsheet does', () => {
    const shown = (text: string, id = 0, code?: string, from1904 = false) => numberText(text, formatOf(id, code), from1904);
    expect([shown('1001.0'), shown('0.30000000000000004'), shown('12345678901234567890'), shown('-0'), shown('1,5')]).toEqual(['1001', '0.3', '12345678901234567890', '0', '1,5']);
    expect([shown('7', 164, '000'), shown('2', 164, '0" days"'), shown('2.5', 164, '[Magenta]0.00')]).toEqual(['007', '2', '2.5']);
    expect([shown('45443', 14), shown('45443.354166666664', 22), shown('0.5', 21), shown('1', 14), shown('61', 14), shown('43981', 14, undefined, true)]).toEqual([
      '2024-05-31', '2024-05-31T08:30:00', '12:00:00', '1900-01-01', '1900-03-01', '2024-05-31',
    ]);
    expect([shown('45443', 164, '[$-804]yyyy"年"m"月"d"日";@'), shown('0.25', 164, '[h]:mm'), shown('-1', 14)]).toEqual(['2024-05-31', '06:00:00', '-1']);
  });
  it('come from the sheet that was named, or the first visible one', async () => {
    const opened = await open(book('<worksheet><row><c><v>1</v></c></row></worksheet>'));
    expect(opened.names).toEqual(['People & co', 'Secret']);
    expect([await opened.csv(), await opened.csv('Secret')]).toEqual(['1\n', '5\n']);
    await expect(opened.csv('Nobody')).rejects.toThrow('no-sheet');
  });
});

describe('files that mean ill', () => {
  it('are named for what they are', async () => {
    await refused(new Uint8Array(), 'not-xlsx');
    await refused(new Uint8Array([0xd0, 0xcf, 0x11, 0xe0]), 'not-xlsx');
    await refused(zip({ mimetype: 'application/vnd.oasis.opendocument.spreadsheet' }), 'not-xlsx');
    const whole = book('<worksheet/>');
    for (let n = 4; n < whole.length; n += 97) await refused(whole.subarray(0, n), 'damaged');
  });
  it('are damaged, not believed', async () => {
    for (const sheet of [
      '<!DOCTYPE w [<!ENTITY a "aaaa">]><worksheet/>',
      '<worksheet><row r="5"/><row r="5"/></worksheet>',
      '<worksheet><row r="1048577"/></worksheet>',
      '<worksheet><row><c r="XFE1"><v>1</v></c></row></worksheet>',
      '<worksheet><row><c r="A"><v>1</v></c></row></worksheet>',
      '<worksheet><row><c t="s"><v>4</v></c></row></worksheet>',
      '<worksheet><row>',
      '<worksheet a="',
    ])
      await refused(book(sheet), 'damaged');
  });
  it('name the cell that holds an error', async () => {
    await refused(book('<worksheet><row r="7"><c r="C7" t="e"><v>#N/A</v></c></row></worksheet>'), 'cell-error');
  });
  it('do not fill the memory', async () => {
    const limits: number[] = [];
    const opening = openXlsx(book(' '.repeat(2 << 20)), (packed, limit) => inflate(packed, Math.min(limits.push(limit) && limit, 1 << 20)));
    await expect(opening.then((it) => it.csv())).rejects.toThrow('too-large');
    expect(Math.max(...limits)).toBe(64 << 20);
    const cells = '<c t="s"><v>0</v></c>'.repeat(16000);
    await refused(book(`<worksheet><row>${cells}</row></worksheet>`, `<sst><si><t>${'x'.repeat(1 << 20)}</t></si></sst>`), 'too-large');
    await refused(book(`<worksheet>${'<row><c r="XFD1"><v>1</v></c></row>'.repeat(3000)}</worksheet>`), 'too-large');
  });
});

it('XML is read without regard to prefixes, with > in values, CDATA and comments', () => {
  const seen: string[] = [];
  walkXml('<?xml version="1.0"?><!-- <a> --><n:a b="1>2" c=\'&lt;&#65;\'>x<![CDATA[<y>]]></n:a>', {
    begin: (name, attribute) => seen.push(name, attribute('b') ?? '', attribute('c') ?? ''),
    text: (text) => seen.push(text),
    end: (name) => seen.push(`/${name}`),
  });
  expect(seen).toEqual(['a', '1>2', '<A', 'x', '<y>', '/a']);
});
