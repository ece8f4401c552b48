// Walks the XML of spreadsheets without building a tree: a sheet of 100,000 rows is one pass over its text. Names are
// given without prefix. A document type is refused, so that there are no entities but XML's own five and numbers.
import { SheetError } from './error';

export interface XmlHandler {
  begin?(name: string, attribute: (name: string) => string | undefined): void;
  text?(text: string): void;
  end?(name: string): void;
}

// A tag, with > allowed inside of quoted values; else a comment, CDATA, processing instruction or document type.
const TOKEN = /<(\/?)([^\s<>/!?"'=]+)((?:[^<>"']|"[^"<]*"|'[^'<]*')*)>|<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<\?[^]*?\?>|[^<]+/y;
const ATTRIBUTE = /([^\s="'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ENTITY = /&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));/g;
const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const local = (name: string) => name.slice(name.indexOf(':') + 1);

function decode(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(ENTITY, (whole, hex?: string, decimal?: string, named?: string) => {
    if (named) return NAMED[named] ?? whole;
    const code = hex ? parseInt(hex, 16) : parseInt(decimal ?? '', 10);
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '';
  });
}

function attributes(text: string) {
  return (wanted: string): string | undefined => {
    for (const match of text.matchAll(ATTRIBUTE)) if (local(match[1] ?? '') === wanted) return decode(match[2] ?? match[3] ?? '');
    return undefined;
  };
}

export function walkXml(xml: string, handler: XmlHandler): void {
  TOKEN.lastIndex = 0;
  let depth = 0;
  while (TOKEN.lastIndex < xml.length) {
    const match = TOKEN.exec(xml);
    if (!match) throw new SheetError('damaged');
    const [whole, closing, tag, rest, cdata] = match;
    if (cdata !== undefined) handler.text?.(cdata);
    else if (tag === undefined) {
      if (!whole.startsWith('<')) handler.text?.(decode(whole));
    } else if (closing) {
      depth--;
      handler.end?.(local(tag));
    } else {
      handler.begin?.(local(tag), attributes(rest ?? ''));
      if (rest?.endsWith('/')) handler.end?.(local(tag));
      else depth++;
    }
  }
  if (depth !== 0) throw new SheetError('damaged');
}
