// Finds the Chinese for a text that the server made. The texts are data: they hold names that people chose, so every
// search is linear in the text, and the result is only ever shown as text.

export interface Tables {
  /** English with holes {1}, {2}…; the Chinese holds the same, or {1:text} where a hole is translated as well. */
  messages: Record<string, string>;
  /** Single words in holes, such as states and nouns. */
  words: Record<string, string>;
  /** Names of fields, for texts such as "memory_mib: is missing". */
  members: Record<string, string>;
}

export interface Said {
  /** The Chinese of a text, or the text. */
  text: (text: string) => string;
  /** The word for a single value, such as a state. */
  word: (value: string) => string;
  /** The word for a field, or its name. */
  member: (name: string) => string;
}

interface Pattern {
  /** What stands before, between and behind the holes. */
  literals: string[];
  holes: number[];
  chinese: string;
}

const HOLE = /\{(\d+)(?::(text))?\}/g;
const LONGEST = 10000;
const DEEPEST = 4;
const FIELD = /^[a-z][a-z0-9_.[\]-]*: /;

function patternOf(english: string, chinese: string): Pattern {
  const literals: string[] = [];
  const holes: number[] = [];
  let at = 0;
  for (const match of english.matchAll(HOLE)) {
    literals.push(english.slice(at, match.index));
    holes.push(Number(match[1]));
    at = match.index + match[0].length;
  }
  literals.push(english.slice(at));
  return { literals, holes, chinese };
}

const weight = (pattern: Pattern): number => pattern.literals.reduce((sum, literal) => sum + literal.length, 0);

/** What the holes hold, by number; undefined where the text is not of this pattern. */
function fits({ literals, holes }: Pattern, text: string): Map<number, string> | undefined {
  const first = literals[0] ?? '';
  const last = literals[literals.length - 1] ?? '';
  const end = text.length - last.length;
  let at = first.length;
  if (end < at || !text.startsWith(first) || !text.endsWith(last)) return undefined;
  const values = new Map<number, string>();
  for (let i = 0; i < holes.length; i++) {
    const inner = i + 1 < holes.length;
    const literal = inner ? (literals[i + 1] ?? '') : '';
    const found = inner ? text.indexOf(literal, at) : end;
    if (found < 0 || found + literal.length > end) return undefined;
    values.set(holes[i] ?? 0, text.slice(at, found));
    at = found + literal.length;
  }
  return values;
}

export function translator({ messages, words, members }: Tables): Said {
  const exact = new Map<string, string>();
  const patterns: Pattern[] = [];
  for (const [english, chinese] of Object.entries(messages)) {
    const pattern = patternOf(english, chinese);
    if (pattern.holes.length === 0) exact.set(english, chinese);
    else patterns.push(pattern);
  }
  // The most exact one first: "{1}: {2} is taken" must not hide a longer sentence that ends so.
  patterns.sort((a, b) => weight(b) - weight(a));

  const of = (table: Record<string, string>, name: string) => (Object.hasOwn(table, name) ? table[name] : undefined);
  const member = (name: string): string => of(members, name) ?? of(members, name.split('.').at(-1) ?? '') ?? name;

  const byPattern = (text: string, depth: number): string | undefined => {
    for (const pattern of patterns) {
      const values = fits(pattern, text);
      if (!values) continue;
      return pattern.chinese.replace(HOLE, (_, number: string, kind?: string) => {
        const value = values.get(Number(number)) ?? '';
        return kind && depth < DEEPEST ? hole(value, depth + 1) : value;
      });
    }
    return undefined;
  };
  const known = (text: string, depth: number): string | undefined => exact.get(text) ?? byPattern(text, depth);
  const hole = (text: string, depth: number): string => of(words, text) ?? of(members, text) ?? whole(text, depth);
  const whole = (text: string, depth: number): string => {
    const direct = exact.get(text);
    if (direct !== undefined) return direct;
    const field = FIELD.exec(text)?.[0];
    const rest = field && known(text.slice(field.length), depth);
    // Unless it is a message that has its own "field: ".
    const own = field && patterns.some((pattern) => pattern.literals[0]?.startsWith(field) && fits(pattern, text));
    if (field && rest && !own) return `${member(field.slice(0, -2))}：${rest}`;
    return byPattern(text, depth) ?? text;
  };
  return { text: (text) => (text.length > LONGEST ? text : whole(text, 0)), word: (value) => of(words, value) ?? value, member };
}
