import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { en } from './en';

const SERVICE = join(process.cwd(), '../src/service');
const BASE = join(process.cwd(), '../src/base');

function found(folder: string, where: RegExp, name: RegExp): string[] {
  const texts = readdirSync(folder)
    .filter((file) => /\.[ch]$/.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'));
  const blocks = texts.flatMap((text) => [...text.matchAll(where)].map((match) => match[0]));
  return [...new Set(blocks.flatMap((block) => [...block.matchAll(name)].map((match) => match[1] ?? '')))];
}

describe('the words of the console', () => {
  it('name every step of the server’s jobs', () => {
    const steps = found(SERVICE, /(YdJobStep \w+\[\] = \{|#define YD_DESK_START_STEPS)[\s\S]*?\n(\};|\s*\}\n)/g, /\{\s*\\?\s*(?:\.name = )?"([a-z-]+)"/g);
    expect(steps.length).toBeGreaterThan(15);
    expect(steps.filter((step) => !(`step.${step}` in en))).toEqual([]);
  });

  it('name every kind of job', () => {
    const kinds = found(SERVICE, /const YdJobKind yd_job_kind_\w+ = \{[\s\S]*?\};/g, /\{\s*(?:\.kind = )?"([a-z-]+)"/g);
    expect(kinds.length).toBeGreaterThan(10);
    expect(kinds.filter((kind) => !(`job.kind.${kind}` in en))).toEqual([]);
  });

  it('explain every code of an error', () => {
    const codes = found(BASE, /\[YD_ERROR_\w+\] = \{[^}]*\}/g, /\{"([a-z-]+)"/g);
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter((code) => !(`error.code.${code}` in en))).toEqual([]);
  });

  it('name every act of the audit', () => {
    const acts = found(SERVICE, /yd_service_audit\w*\([\s\S]*?;|(?:add|remove)_row\([\s\S]*?;|audit_act\([\s\S]*?;/g, /"((?:[a-z]+\.)+[a-z-]+)"/g);
    expect(acts.length).toBeGreaterThan(30);
    expect(acts.filter((act) => !(`audit.act.${act}` in en))).toEqual([]);
  });

  it('explain every reason of a placement', () => {
    const text = readFileSync(join(process.cwd(), '../src/model/placement.c'), 'utf8');
    const filters = [...text.matchAll(/reject\(host, (?:maintenance \? )?"([a-z]+)"(?: : "([a-z]+)")?/g)].flatMap((it) => it.slice(1).filter(Boolean));
    const codes = [...text.matchAll(/"((?:no|lowest)-[a-z-]+)"/g)].map((it) => it[1]);
    expect(filters.length).toBe(7);
    expect(codes.length).toBe(3);
    expect([...filters.map((it) => `filter.${it}`), ...codes].filter((it) => !(`placement.${it}` in en))).toEqual([]);
  });

  it('name every setting', () => {
    const names = found(SERVICE, /\{"\w+", [\d]+, [^,]+, "\w*", "/g, /\{"(\w+)"/g);
    expect(names).toContain('lock_after');
    expect(names.filter((name) => !(`setting.${name}` in en))).toEqual([]);
  });
});
