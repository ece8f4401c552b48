// How much text goes through the clipboard at once, by the way to the desktop: what would be cut off, or would end the
// connection, is refused before it is sent.

const KIB = 1024;
const encoder = new TextEncoder();

export interface PasteRule {
  limit: number;
  /** The bytes that the text has on the way. */
  bytes: (text: string) => number;
}

/** UTF-16 with CR LF and an end (MS-RDPECLIP 2.2.5.2). More than this holds up the picture for long. */
export const RDP_PASTE: PasteRule = {
  limit: KIB * KIB,
  bytes: (text) => 2 * (text.length + lines(text) + 1),
};

/** UTF-8 with CR LF, a length and an end, unpacked: QEMU's VNC server takes a buffer of at least that for granted, not more. */
export const CONSOLE_PASTE: PasteRule = {
  limit: 512 * KIB,
  bytes: (text) => encoder.encode(text).length + lines(text) + 5,
};

function lines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

export function fits(rule: PasteRule, text: string): boolean {
  return rule.bytes(text) <= rule.limit;
}
