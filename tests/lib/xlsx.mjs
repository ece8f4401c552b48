// SPDX-License-Identifier: Apache-2.0
// An .xlsx file with one sheet of that XML: for what no spreadsheet program would write.

import zlib from 'node:zlib';

const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const relation = (type, target) => `<Relationships><Relationship Id="a" Type="${OFFICE}/${type}" Target="${target}"/></Relationships>`;

function zip(parts) {
  const bodies = [];
  const heads = [];
  let offset = 0;
  for (const [name, text] of Object.entries(parts)) {
    const plain = Buffer.from(text);
    const packed = zlib.deflateRawSync(plain);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(8, 8);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(8, 10);
    for (const [head, at] of [[local, 18], [central, 20]]) {
      head.writeUInt32LE(packed.length, at);
      head.writeUInt32LE(plain.length, at + 4);
      head.writeUInt16LE(name.length, at + 8);
    }
    central.writeUInt32LE(offset, 42);
    bodies.push(local, Buffer.from(name), packed);
    heads.push(central, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  }
  const directory = Buffer.concat(heads);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(heads.length / 2, 8);
  end.writeUInt16LE(heads.length / 2, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, directory, end]);
}

export const xlsxOf = (sheet) => zip({
  '_rels/.rels': relation('officeDocument', 'xl/workbook.xml'),
  'xl/workbook.xml': '<workbook xmlns:r="r"><sheets><sheet name="Sheet" r:id="a"/></sheets></workbook>',
  'xl/_rels/workbook.xml.rels': relation('worksheet', 'sheet.xml'),
  'xl/sheet.xml': sheet,
});
