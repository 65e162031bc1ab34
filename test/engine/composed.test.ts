import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { World } from '../support/abi-world.ts';
import { untilHolds } from '../support/until-holds.ts';
import { Engine } from './world.ts';

const guests = join(import.meta.dirname, '../guests/components');
const composed = readFileSync(join(guests, 'composed.wasm'));
const modes: readonly (RestoreMode | 'never')[] = ['copy', 'cards', 'never'];

/** What it answers, or why it trapped. */
async function answerOf(engine: Engine, letter: string): Promise<string> {
  const loaded = engine.load(composed);
  const { text, report } = await engine.run(loaded, { target: `/guest.wasm?${letter}` });
  return report.cause?.detail ?? text;
}

describe('components in one file', () => {
  test.each([
    ['text in two encodings, and tidies up', 's', 'GRüßE 🌍'],
    ['more numbers than fit on the stack', 'n', '136'],
    // 5 + 5, times ten, and what the destructor counted.
    ['a resource, lent, lent on, and dropped', 'r', '105'],
    ['a function of who made it', 'b', '007'],
  ])('give each other %s', async (_, letter, expected) => {
    using engine = new Engine();
    expect(await answerOf(engine, letter)).toBe(expected);
  });

  test.each([
    ['what is lent in the same call is given away', 'l', /one that is lent/],
    ['what is borrowed is kept', 'k', /is dropped before: received a handle that is kept/],
    ['what is borrowed is given away', 'o', /one that is borrowed/],
    ['one that is under way is called again', 'a', /received a call from within/],
    ['the called one traps', 't', /unreachable/],
  ])('trap where %s', async (_, letter, reason) => {
    using engine = new Engine();
    expect(await answerOf(engine, letter)).toMatch(reason);
  });

  test('are metered where they are called', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 50 } });
    const loaded = engine.load(composed);
    const { report } = await engine.run(loaded, { target: '/guest.wasm?c' });
    expect(report.outcome).toBe('out-of-cpu');
  });

  test('let others have their turn while one that was called computes', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 500 } });
    const loaded = engine.load(composed);
    const busy = engine.begin(loaded, { target: '/guest.wasm?c' });
    const short = await engine.run(loaded, { target: '/guest.wasm?n', siteKey: 'other' });
    expect(short.text).toBe('136');
    expect(busy.exchange.replyState).toBe('none');
    expect((await busy.report).outcome).toBe('out-of-cpu');
  });

  test('may wait where they are called', async () => {
    using engine = new Engine();
    const world = new World();
    const loaded = engine.load(composed);
    const { exchange, report } = engine.begin(loaded, { world, target: '/guest.wasm?w' });
    await untilHolds(() => expect(world.waiting.size).toBeGreaterThan(0));
    expect(exchange.replyState).toBe('none');
    world.elapse(2_000_000n);
    expect((await report).outcome).toBe('replied');
    expect(Buffer.from(exchange.sent?.body ?? '').toString()).toBe('001');
  });

  test('are freed when the client goes while one waits', async () => {
    using engine = new Engine();
    const world = new World();
    const loaded = engine.load(composed);
    const { exchange, report } = engine.begin(loaded, { world, target: '/guest.wasm?w' });
    await untilHolds(() => expect(world.waiting.size).toBeGreaterThan(0));
    exchange.goAway();
    expect((await report).outcome).toBe('abandoned');
    expect((await engine.run(loaded, { target: '/guest.wasm?n' })).text).toBe('136');
  });

  test.each(modes)('begin each request anew: %s', async (restoreMode) => {
    using engine = new Engine({ restoreMode });
    const loaded = engine.load(composed);
    for (let run = 0; run < 10; run += 1) {
      const { text } = await engine.run(loaded, { target: '/guest.wasm?r' });
      expect(text).toBe('105');
    }
  });
});
