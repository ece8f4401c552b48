import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { en } from '../i18n/en';

const ROOT = join(process.cwd(), '..');
const CTL = join(ROOT, 'src/deskctl');

/** "user add" for each line of deskctl's tables of commands. */
function commands(): string[] {
  return readdirSync(CTL)
    .filter((file) => /^cmd-.*\.c$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(CTL, file), 'utf8');
      const tables = new Map([...text.matchAll(/static const CtlCommand (\w+)\[\] = \{([\s\S]*?)\n\};/g)].map((it) => [it[1], it[2] ?? '']));
      return [...text.matchAll(/const CtlNoun \w+ = \{\s*"([a-z-]*)",([\s\S]*?)\n\};/g)].flatMap(([, noun, body]) => {
        const table = [...tables].find(([name]) => new RegExp(`\\b${name}\\b`).test(body ?? ''))?.[1] ?? '';
        return [...table.matchAll(/^ {4}\{"([a-z-]+)"/gm)].map((it) => `${noun} ${it[1]}`.trim());
      });
    });
}

/** The rows of the table in docs/console.md: command → where it is. */
function rows(): [string, string][] {
  const text = readFileSync(join(ROOT, 'docs/console.md'), 'utf8');
  return [...text.matchAll(/^\| `([a-z -]+)` \| (.*) \|$/gm)].map((it) => [it[1] ?? '', it[2] ?? '']);
}

describe('docs/console.md', () => {
  it('says of every command of deskctl where it is in the console', () => {
    const all = commands();
    expect(all).toContain('login');
    expect(all).toContain('settings set');
    expect(all.length).toBeGreaterThan(70);
    expect(rows().map(([command]) => command)).toEqual([...all].sort());
  });

  it('names only what the console shows', () => {
    const words = new Set<string>(Object.values(en));
    const named = rows().flatMap(([, where]) => [...where.matchAll(/\*([^*]+)\*/g)].map((it) => it[1] ?? ''));
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter((name) => !words.has(name))).toEqual([]);
  });

  it('says why, where something is not in the console', () => {
    const silent = rows().filter(([, where]) => !where.includes('*') && !/^no: .{20,}/.test(where));
    expect(silent).toEqual([]);
  });
});
