// Values of spreadsheet cells as text: number formats (ECMA-376 part 1, 18.8.30), dates, escapes.

export interface Format {
  kind: 'number' | 'date' | 'zeros';
  digits: number;
}

const isDateId = (id: number) => (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);

// Quoted text, escapes, colours and conditions are no letters of dates; [h], [mm] and [s] are elapsed times.
const isDateCode = (code: string) => {
  const first = code.replace(/"[^"]*"|[\\_*].|\[(?![hms]+\])[^\]]*\]/gi, '').split(';')[0] ?? '';
  return !/^\s*general/i.test(first) && /[ymdhs]/i.test(first);
};

export function formatOf(id: number, code: string | undefined): Format {
  if (code === undefined ? isDateId(id) : isDateCode(code)) return { kind: 'date', digits: 0 };
  if (code && /^0{2,32}$/.test(code)) return { kind: 'zeros', digits: code.length };
  return { kind: 'number', digits: 0 };
}

function dateText(value: number, from1904: boolean): string {
  const seconds = Math.floor(value * 86400 + 0.5);
  let day = Math.floor(seconds / 86400);
  const rest = seconds % 86400;
  const time = new Date(rest * 1000).toISOString().slice(11, 19);
  if (day === 0 && value < 1 && !from1904) return time;
  if (!from1904 && day < 60) day++; // 1900 counts a 29th of February that never was
  const epoch = from1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, 30);
  const date = new Date(epoch + day * 86400000).toISOString().slice(0, 10);
  return rest ? `${date}T${time}` : date;
}

/** As spreadsheets show it: at most 15 digits, whole numbers without an exponent. */
function plainText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return BigInt(value).toString();
  return String(Number(value.toPrecision(15)));
}

export function numberText(text: string, format: Format, from1904: boolean): string {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return text;
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  if (format.kind === 'date' && value >= 0 && value < 2958466) return dateText(value, from1904);
  const shown = /^\d+$/.test(text) ? text : plainText(value);
  return format.kind === 'zeros' && /^\d+$/.test(shown) ? shown.padStart(format.digits, '0') : shown;
}

/** "_x000D_" in a string stands for that character. */
export const unescapeText = (text: string) =>
  text.includes('_x')
    ? text.replace(/_x([0-9a-fA-F]{4})_/g, (whole, hex: string) => {
        const code = parseInt(hex, 16);
        return code > 0 && (code < 0xd800 || code > 0xdfff) ? String.fromCharCode(code) : whole;
      })
    : text;
