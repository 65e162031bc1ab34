import { describe, expect, test } from 'vitest';
import type { Header } from '../../../src/http/message.ts';
import { World } from '../../support/abi-world.ts';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../support/fastly-puppet.ts';

const DOWN = 'fastly_http_downstream';
const robot: readonly Header[] = [
  ['x-fastly-bot-analyzed', 'true'],
  ['x-fastly-bot-detected', 'true'],
  ['x-fastly-bot-name', 'BadBot'],
  ['x-fastly-bot-category', 'AI-crawler'],
  ['x-fastly-bot-verified', 'false'],
];

async function open(
  headers: readonly Header[],
  hasBotFields = true,
): Promise<{ readonly puppet: FastlyPuppet; readonly request: number }> {
  const world = new World();
  world.vendor = { ...world.vendor, hasBotFields };
  const puppet = await createFastlyPuppet({ world, request: { headers } });
  return { puppet, request: (await puppet.downstream()).request };
}

describe('whether a robot asks', () => {
  test('is told by fields of the request where the folder believes them', async () => {
    const { puppet, request } = await open(robot);
    const number = (name: string) => puppet.number(`${DOWN}.downstream_bot_${name}`, request);
    const value = (name: string) => puppet.value(`${DOWN}.downstream_bot_${name}`, request);
    expect(await number('analyzed')).toBe(1);
    expect(await number('detected')).toBe(1);
    expect(await number('category_kind')).toBe(3);
    expect(await number('verified')).toBe(0);
    expect((await value('name')).text).toBe('BadBot');
    expect((await value('category')).text).toBe('AI-crawler');
    const short = await puppet.valueIn(5, `${DOWN}.downstream_bot_name`, request);
    expect(short).toMatchObject({ status: 4, written: 6 });
  });

  test.each([
    ['such fields that the folder does not believe', robot, false],
    ['other fields', [['x-bot', 'true']] as const, true],
  ])('is not known by %s', async (_, headers, isBelieved) => {
    const { puppet, request } = await open(headers, isBelieved);
    const ask = (name: string, ...more: number[]) =>
      puppet.call(`${DOWN}.downstream_bot_${name}`, request, ...more);
    for (const name of ['analyzed', 'detected']) {
      expect(await puppet.number(`${DOWN}.downstream_bot_${name}`, request)).toBe(0);
    }
    for (const name of ['category_kind', 'verified']) expect(await ask(name, 8)).toBe(10);
    for (const name of ['name', 'category']) expect(await ask(name, 8, 100, 0)).toBe(10);
  });

  test.each([
    ['none', 0],
    ['Headless', 14],
    ['7', 7],
    ['99', 99],
    ['teapot', 'none'],
    ['1e3', 'none'],
  ])('is of the category %s: %s', async (category, kind) => {
    const { puppet, request } = await open([['x-fastly-bot-category', category]]);
    const status = await puppet.call(`${DOWN}.downstream_bot_category_kind`, request, 8);
    expect(status === 0 ? puppet.u32(8) : status).toBe(kind === 'none' ? 10 : kind);
  });

  test('is asked of the visitor’s request alone', async () => {
    const { puppet, request } = await open(robot);
    const own = await puppet.number('fastly_http_req.new');
    for (const name of ['analyzed', 'detected', 'category_kind', 'verified']) {
      const call = (handle: number, ptr: number) =>
        puppet.call(`${DOWN}.downstream_bot_${name}`, handle, ptr);
      expect(await call(own, 8)).toBe(10);
      expect(await call(99, 8)).toBe(3);
      expect(await call(request, END - 3)).toBe(2);
    }
    expect((await puppet.value(`${DOWN}.downstream_bot_name`, own)).status).toBe(10);
    expect((await puppet.value(`${DOWN}.downstream_bot_name`, 99)).status).toBe(3);
  });
});

describe('the inspection of a request', () => {
  const inspect = 'fastly_http_req.inspect';
  const INFO = 2_048;
  const [corp, workspace, clientAddress] = [2, 4, 8];

  async function openInspection(isAllowed = true) {
    const world = new World();
    if (isAllowed) world.vendor = { ...world.vendor, inspection: 'allow' };
    const puppet = await createFastlyPuppet({ world });
    const { request, body } = await puppet.downstream();
    const place = (at: number, [ptr, length]: readonly [number, number]) => {
      puppet.bytes.writeUInt32LE(ptr, INFO + at);
      puppet.bytes.writeUInt32LE(length, INFO + at + 4);
    };
    place(0, puppet.put(3_000, 'corp'));
    place(8, puppet.put(3_100, 'workspace'));
    place(16, puppet.put(3_200, '\x0a\x0a\x0a\x0a'));
    return { puppet, request, body, place };
  }

  test('is unsupported', async () => {
    const { puppet, request, body } = await openInspection(false);
    expect((await puppet.value(inspect, request, body, corp | workspace, INFO)).status).toBe(5);
  });

  test('answers what the folder says', async () => {
    const { puppet, request, body, place } = await openInspection();
    const mask = corp | workspace | clientAddress;
    const { status, text, written } = await puppet.value(inspect, request, body, mask, INFO);
    expect(status).toBe(0);
    expect(JSON.parse(text)).toEqual({
      ...{ waf_response: 200, redirect_url: '', tags: [], verdict: 'allow', decision_ms: 0 },
    });
    const ask = async (given: number, len = 1_000) =>
      (await puppet.valueIn(len, inspect, request, body, given, INFO)).status;
    expect(await ask(mask, written)).toBe(0);
    expect(await ask(mask, written - 1)).toBe(4);
    expect(await ask(corp)).toBe(2);
    expect(await ask(workspace)).toBe(2);
    place(16, [3_200, 5]);
    expect(await ask(mask)).toBe(2);
    place(8, [3_100, 0]);
    expect(await ask(corp | workspace)).toBe(2);
    place(8, [3_100, 1_025]);
    expect(await ask(corp | workspace)).toBe(2);
  });

  test('looks at handles and addresses first', async () => {
    const { puppet, request, body } = await openInspection();
    const ask = async (...args: readonly number[]) => (await puppet.value(inspect, ...args)).status;
    expect(await ask(99, body, corp | workspace, INFO)).toBe(3);
    expect(await ask(request, 99, corp | workspace, INFO)).toBe(3);
    expect(await ask(request, body, corp | workspace, END - 23)).toBe(2);
    const both = corp | workspace;
    expect(await puppet.call(inspect, request, body, both, INFO, END - 9, 10, 8)).toBe(2);
    expect(await puppet.call(inspect, request, body, both, INFO, 4_000, 1_000, END - 3)).toBe(2);
  });
});
