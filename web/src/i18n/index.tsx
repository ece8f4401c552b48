// The words of the console. English is the source of the keys; the compiler holds Chinese complete.
// The language is switched at once, numbers and dates with it.

import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { en } from './en';
import type { Said } from './message';
import { zhCN } from './zh-CN';

export type Key = keyof typeof en;
export type Language = 'en' | 'zh-CN';
export type Params = Record<string, string | number>;

const WORDS: Record<Language, Record<Key, string>> = { en, 'zh-CN': zhCN };
const STORED = 'yundesk.language';

/** "{name}" in the text becomes the parameter of that name. */
export function fill(text: string, params: Params = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    return value === undefined ? whole : String(value);
  });
}

const known = (text: string | null | undefined): text is Language => text === 'en' || text === 'zh-CN';

export function firstLanguage(): Language {
  const stored = localStorage.getItem(STORED);
  if (known(stored)) return stored;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

export interface I18n {
  language: Language;
  setLanguage: (language: Language) => void;
  /** The account's language counts in a browser where nobody has chosen one. */
  suggest: (language: string | null | undefined) => void;
  t: (key: Key, params?: Params) => string;
  /** The word for a server's value such as a state; the value itself where there is none. */
  word: (prefix: string, value: string | null | undefined) => string;
  date: (time: string | null | undefined) => string;
  number: (value: number) => string;
  bytes: (value: number) => string;
  /** A text of the server, such as an error, in the person's language where it is known. */
  said: (text: string | null | undefined) => string;
  /** The same of an error about a field, without the field's name that it may begin with. */
  saidOf: (field: string, text: string) => string;
  /** The word for a single value of the server, such as a state or a check of the doctor. */
  saidWord: (value: string) => string;
  /** The word for a field of the server's records; in English its own name. */
  member: (name: string) => string;
}

const ENGLISH: Said = { text: (text) => text, word: (value) => value, member: (name) => name };

const Context = createContext<I18n | undefined>(undefined);

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

const without = (start: string, text: string) => (text.startsWith(start) ? text.slice(start.length) : text);

function makeI18n(language: Language, setLanguage: (language: Language) => void, server: Said): Omit<I18n, 'suggest'> {
  const words = WORDS[language];
  const dates = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  return {
    language,
    setLanguage,
    t: (key, params) => fill(words[key], params),
    word: (prefix, value) => {
      if (!value) return '–';
      const key = `${prefix}.${value}`;
      return key in words ? words[key as Key] : value;
    },
    date: (time) => (time ? dates.format(new Date(time)) : '–'),
    number: (value) => numbers.format(value),
    bytes: (value) => {
      let unit = 0;
      let rest = value;
      while (rest >= 1024 && unit < UNITS.length - 1) {
        rest /= 1024;
        unit += 1;
      }
      return `${numbers.format(rest)} ${UNITS[unit] ?? ''}`;
    },
    said: (text) => (text ? server.text(text) : ''),
    saidOf: (field, text) => without(`${field}: `, without(`${server.member(field)}：`, server.text(text))),
    saidWord: server.word,
    member: server.member,
  };
}

/** The server's texts: English until the Chinese ones are loaded, and where they can't be. */
function useSaid(language: Language): Said {
  const [chinese, setChinese] = useState<Said>();
  useEffect(() => {
    if (language !== 'zh-CN') return;
    import('./server-zh-CN').then((part) => setChinese(part.said), () => undefined);
  }, [language]);
  return language === 'zh-CN' && chinese ? chinese : ENGLISH;
}

export function I18nProvider({ children }: { children: ReactNode }) {
  const [language, set] = useState<Language>(firstLanguage);
  const setLanguage = useCallback((next: Language) => {
    localStorage.setItem(STORED, next);
    set(next);
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const suggest = useCallback((wish: string | null | undefined) => {
    if (known(wish) && localStorage.getItem(STORED) === null) set(wish);
  }, []);
  const server = useSaid(language);
  const value = useMemo(() => ({ ...makeI18n(language, setLanguage, server), suggest }), [language, setLanguage, server, suggest]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useI18n(): I18n {
  const value = useContext(Context);
  if (!value) throw new Error('useI18n outside of I18nProvider');
  return value;
}
