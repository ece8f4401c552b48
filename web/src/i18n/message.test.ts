import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { translator } from './message';
import { said, tables } from './server-zh-CN';

const small = translator({
  messages: {
    'is missing': '不能为空',
    'cancelled': '已取消',
    'there is no {1} with the id {2}': '没有标识为 {2} 的{1:text}',
    'machine \'{1}\': {2}': '虚拟机 \'{1}\'：{2:text}',
    'host “{1}”: {2}': '主机“{1}”：{2:text}',
    '{1} is none of {2}': '{1} 不在 {2} 之中',
    '{1} is none of them, {2} is': '{1} 不是，{2} 才是',
    'path: {1}: {2}': '{1}：{2:text}',
    'no header{1}{2}': '没有表头{1}{2:text}',
    ': {1}': '：{1:text}',
    '100 % of {1}': '{1} 的 100 %',
  },
  words: { desktop: '桌面', constructor: '构造' },
  members: { name: '名称', drives: '磁盘' },
});

describe('a text of the server in Chinese', () => {
  const cases: [what: string, english: string, chinese: string][] = [
    ['a whole text', 'is missing', '不能为空'],
    ['one that nobody knows', 'Domain is not persistent', 'Domain is not persistent'],
    ['nothing', '', ''],
    ['holes in another order, one of them a word', 'there is no desktop with the id “dsk1”', '没有标识为 “dsk1” 的桌面'],
    ['a hole with an unknown word', 'there is no teapot with the id “1”', '没有标识为 “1” 的teapot'],
    ['a hole that is a message', 'machine \'a\': cancelled', '虚拟机 \'a\'：已取消'],
    ['messages in messages', 'host “h”: machine \'a\': there is no desktop with the id 7', '主机“h”：虚拟机 \'a\'：没有标识为 7 的桌面'],
    ['a hole with the end of libvirt', 'machine \'a\': Cannot do it', '虚拟机 \'a\'：Cannot do it'],
    ['a field before it', 'name: is missing', '名称：不能为空'],
    ['a field of a part', 'policy.drives: is missing', '磁盘：不能为空'],
    ['a field without a word', 'shoe_size: is missing', 'shoe_size：不能为空'],
    ['a field before what is not known', 'name: whatever', 'name: whatever'],
    ['a text that has its own field', 'path: /x: is missing', '/x：不能为空'],
    ['the longer of two that fit', 'a is none of them, b is', 'a 不是，b 才是'],
    ['holes side by side, empty', 'no header', '没有表头'],
    ['holes side by side, filled', 'no header: is missing', '没有表头：不能为空'],
    ['a name with holes, which stay text', 'there is no {2} with the id {1}', '没有标识为 {1} 的{2}'],
    ['a name with what replace() knows', 'machine \'$& $1 $$\': cancelled', '虚拟机 \'$& $1 $$\'：已取消'],
    ['a name that is a message stays a name', 'machine \'cancelled\': cancelled', '虚拟机 \'cancelled\'：已取消'],
    ['a name with the words between the holes', 'there is no desktop with the id a with the id b', '没有标识为 a with the id b 的桌面'],
    ['a member of every object is no word', 'there is no toString with the id 1', '没有标识为 1 的toString'],
    ['markup', 'machine \'<img src=x onerror=1>\': cancelled', '虚拟机 \'<img src=x onerror=1>\'：已取消'],
    ['several lines', 'machine \'a\nb\': is missing', '虚拟机 \'a\nb\'：不能为空'],
    ['a per cent sign', '100 % of it', 'it 的 100 %'],
    ['the literals overlapping', 'machine \': ', 'machine \': '],
  ];
  it.each(cases)('%s', (_, english, chinese) => {
    expect(small.text(english)).toBe(chinese);
  });

  it('has words for single values, and only for those that it knows', () => {
    expect(['desktop', 'teapot', 'toString', 'is missing'].map(small.word)).toEqual(['桌面', 'teapot', 'toString', 'is missing']);
    expect(['name', 'policy.drives', 'shoe_size', 'toString'].map(small.member)).toEqual(['名称', '磁盘', 'shoe_size', 'toString']);
  });

  it('ends soon, whatever names are in it', () => {
    const nasty = ['path: ', 'host “a”: ', 'machine \'a\': ', ' is none of ', '“'].map((part) => part.repeat(Math.floor(9999 / part.length)));
    const since = performance.now();
    for (const text of [...nasty, 'x'.repeat(1 << 20)]) said.text(text);
    expect(performance.now() - since).toBeLessThan(5000);
    expect(said.text('x'.repeat(1 << 20))).toHaveLength(1 << 20);
  });
});

describe('the real tables', () => {
  it('have each hole of the English in the Chinese', () => {
    const numbers = (text: string) => [...new Set([...text.matchAll(/\{(\d+)(?::text)?\}/g)].map((it) => it[1]))].sort();
    for (const [english, chinese] of Object.entries({ ...tables.foreign, ...tables.messages })) expect(numbers(chinese), english).toEqual(numbers(english));
  });

  it('find every message again when its holes are filled', () => {
    for (const english of Object.keys(tables.messages)) {
      const text = english.replace(/\{(\d+)\}/g, 'q$1q');
      expect(said.text(text)).not.toBe(text);
    }
  });

  it('know every field of the records', () => {
    const text = readFileSync(join(process.cwd(), '../src/model/records.c'), 'utf8');
    const names = [...text.matchAll(/F\((\w+), \w+, (?!SECRET)/g)].map((it) => it[1] ?? '');
    expect(names.length).toBeGreaterThan(200);
    expect([...new Set(names)].filter((name) => !(name in tables.members))).toEqual([]);
  });

  it('know every check of the doctor', () => {
    const text = readFileSync(join(process.cwd(), '../src/service/doctor.c'), 'utf8');
    const names = [
      ...[...text.matchAll(/note\(run, "([a-z-]+)"/g)].map((it) => it[1] ?? ''),
      ...[...text.matchAll(/^ {4}\{"[a-z-]+", "([a-z-]+)", "/gm)].map((it) => it[1] ?? ''),
    ];
    expect(names.length).toBeGreaterThan(12);
    expect(names.filter((name) => !(name in tables.words))).toEqual([]);
  });

  it.each([
    ['memory_mib: 1 is outside of 64 to 1048576', '内存（MiB）：1 不在 64 到 1048576 之间'],
    ['cidr: “10.1.0.0/16” overlaps with “office” (10.1.0.0/20)', '“10.1.0.0/16”与“office”（10.1.0.0/20）重叠'],
    ['on host “local”: cannot start network \'yd-a\': internal error: x', '在主机“local”上：无法启动网络 \'yd-a\'：内部错误：x'],
    ['departments: there is no department with the number or name “D9”', '部门：没有编号或名称为 “D9” 的部门'],
    ['“a” still has 2 desktop(s), the first is “b”; delete them first', '“a”仍有 2 个桌面，第一个是“b”；请先删除'],
    ['not looked at, because "first-boot" failed', '未检查，因为“首次启动”失败'],
    ['\'disk.img\' is truncated', '\'disk.img\' 不完整'],
    ['the file has no header line: a quotation mark is never closed', '文件没有表头行：有引号没有闭合'],
    ['make a record *.d.example in the DNS that leads to the gate, as vdi.example, or take desktop_domain out of [deskd]: until then RDP clients find no desktop',
      '请在 DNS 中添加指向网关的记录 *.d.example，即 vdi.example，或从 [deskd] 中去掉 desktop_domain：在此之前 RDP 客户端找不到桌面'],
    ['"d" was not ready within 60 s (policy ready_seconds): the guest agent does not answer: no answer', '“d”没有在 60 秒（策略 ready_seconds）内就绪：来宾代理没有响应：没有应答'],
    ['username: “x” is taken by another user', '“x” 已被另一个人员使用（用户名）'],
  ])('%s', (english, chinese) => {
    expect(said.text(english)).toBe(chinese);
  });
});
