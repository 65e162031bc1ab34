import { describe, expect, test } from 'vitest';
import { assemble } from '../../../scripts/attack/assemble.ts';
import { Engine } from '../world.ts';

const bytes = 64 * 1024 * 1024;

/** Begins with so much data that others have turns while it is copied; answers "fine". */
const largeGuest = await assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $body (param i32 i32 i32) (result i32)))
  (memory (export "memory") ${bytes / 65_536})
  (data (i32.const 0) "fine")
  (func $start (memory.fill (i32.const 4) (i32.const 120) (i32.const ${bytes - 4})))
  (start $start)
  (func (export "run") (drop (call $body (i32.const 0) (i32.const 0) (i32.const 4)))))`);

const alice = { owner: '/s/alice', siteKey: '/s/alice' };
const bob = { owner: '/s/bob', siteKey: '/s/bob' };

async function textOf(answer: ReturnType<Engine['begin']>): Promise<string> {
  await answer.report;
  return Buffer.from(answer.exchange.sent?.body ?? '').toString();
}

describe('runs that come at once and find no guest', () => {
  test('have one made, and take it in turn', async () => {
    using engine = new Engine({ restoreMode: 'cards' });
    const loaded = engine.load(largeGuest);
    const answers = Array.from({ length: 6 }, () => engine.begin(loaded, alice));
    expect(await Promise.all(answers.map(textOf))).toEqual(Array(6).fill('fine'));
    expect(engine.pool.counts.created).toBe(1);
  });

  test('have one made for each owner', async () => {
    using engine = new Engine({ restoreMode: 'cards' });
    const loaded = engine.load(largeGuest);
    const plans = [alice, bob, alice, bob];
    const answers = plans.map((plan) => engine.begin(loaded, plan));
    expect(await Promise.all(answers.map(textOf))).toEqual(Array(4).fill('fine'));
    expect(engine.pool.counts.created).toBe(2);
  });

  test('are served though those before them are given up', async () => {
    using engine = new Engine({ restoreMode: 'cards' });
    const loaded = engine.load(largeGuest);
    const answers = Array.from({ length: 4 }, () => engine.begin(loaded, alice));
    // The first is being made, the others wait for it.
    while (engine.pool.counts.created === 0) await new Promise(setImmediate);
    for (const { exchange } of answers.slice(0, 2)) exchange.goAway();
    expect(await Promise.all(answers.slice(2).map(textOf))).toEqual(['fine', 'fine']);
    expect(await engine.begin(loaded, alice).report).toMatchObject({ outcome: 'replied' });
    expect(engine.pool.counts.created).toBe(2);
  });
});
