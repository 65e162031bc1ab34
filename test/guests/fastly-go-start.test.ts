/**
 * Go programs of Fastly's ABI, compiled by Go, whose start is done once; the program is
 * test/guests/fastly/go-start. FASTLY_GUESTS names the folder that
 * `node scripts/build-fastly-guests.ts DIR` has filled; left out, nothing is tested here.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemTimer } from '../../src/capability/clock/clock.ts';
import { runProgram } from '../commands/program.ts';
import { answerOf, Engine, sharesOf, TestExchange } from '../engine/world.ts';
import { World } from '../support/abi-world.ts';

const guestsFolder = process.env.FASTLY_GUESTS ?? '';
const fileOf = (name: string): string => join(guestsFolder, `${name}.wasm`);
const isBuilt = guestsFolder !== '' && existsSync(fileOf('go-start'));
const ids = ['4fa1-1', '4fa1-2', '4fa1-3'];

/** It sleeps where it panics. */
class TimedWorld extends World {
  override readonly timer = systemTimer;
}

interface Told {
  readonly lines: ReadonlyMap<string, string>;
  readonly outcome: string;
  readonly exitCode: number | undefined;
}

/** What three requests were told, and how many instances were made for that. */
async function ask(name: string) {
  using engine = new Engine({ restoreMode: 'cards' });
  const loaded = engine.load(readFileSync(fileOf(name)));
  const told: Told[] = [];
  const world = new TimedWorld();
  world.settings = { ...world.settings, environment: new Map([['OWNERS', 'own']]) };
  for (const id of ids) {
    world.nowNs += 1_000_000n;
    const exchange = new TestExchange({ id }, Buffer.alloc(0));
    const report = await engine.pool.acquire(loaded, sharesOf()).run(exchange, world);
    const { text } = answerOf(exchange, report);
    const pairs = text.split('\n').map((line) => /^(\w+)=(.*)$/.exec(line)?.slice(1) ?? []);
    const lines = new Map(pairs.map(([key = '', value = '']) => [key, value]));
    told.push({ lines, outcome: report.outcome, exitCode: report.exitCode });
  }
  const all = (key: string): readonly (string | undefined)[] =>
    told.map(({ lines }) => lines.get(key));
  // Two: the twin of the start, and the one that serves.
  return { told, all, instances: engine.pool.counts.created, logLines: world.logLines };
}

function differ(values: readonly (string | undefined)[]): void {
  expect(values).not.toContain(undefined);
  expect(new Set(values).size).toBe(values.length);
}

describe.skipIf(!isBuilt)('Go programs', () => {
  test('have in each request what is its own', async () => {
    const { all, instances } = await ask('go-start');
    for (const key of ['rand', 'rand2', 'key', 'order', 'picks']) differ(all(key));
    expect(all('runs')).toEqual(['1', '1', '1']);
    expect(all('args')).toEqual(ids.map(() => 'compute-app'));
    expect(all('owner')).toEqual(ids.map(() => 'own'));
    const traces = ['1', '2', '3'].map((number) => `4fa1${number.padStart(28, '0')}`);
    expect(all('trace')).toEqual(traces);
    expect(all('early')).toEqual(traces);
    expect(all('prefix')).toEqual(traces.map((trace) => `[${trace}] `));
    expect(instances).toBe(2);
  });

  test('go on where goroutines of their start stand, or deferred calls', async () => {
    const works = await ask('go-start-works');
    expect(works.all('extra')).toEqual(ids.map(() => 'worked'));
    expect(works.instances).toBe(2);
    const defers = await ask('go-start-defers');
    expect(defers.all('extra')[2]).toContain('nil pointer');
    expect(defers.instances).toBe(2);
  });

  test.each(['key', 'seeds', 'prints'])(
    'stop before their start does what %s says',
    async (mode) => {
      const { all, instances, logLines } = await ask(`go-start-${mode}`);
      if (mode === 'prints') expect(logLines).toEqual(ids.map(() => 'info printed'));
      else differ(all('extra'));
      differ(all('rand'));
      expect(instances).toBe(2);
    },
  );

  test.each(['draws', 'derives'])('start in each request where their start %s', async (mode) => {
    const { all, instances } = await ask(`go-start-${mode}`);
    if (mode === 'draws') differ(all('extra'));
    differ(all('rand'));
    expect(instances).toBe(3);
  });

  test('keep generators that they have seeded themselves', async () => {
    const { all, instances } = await ask('go-start-generates');
    const [first] = all('own');
    expect(all('own')).toEqual([first, first, first]);
    differ(all('rand2'));
    expect(instances).toBe(2);
  });

  test('are told by inspect', async () => {
    for (const [name, told] of [
      ['go-start', 'is done once'],
      ['go-start-draws', 'is done in every request'],
    ] as const) {
      const { stdout } = await runProgram(['inspect', fileOf(name)]);
      expect(stdout).toContain(`\n  start     ${told}`);
    }
  });

  test('that panic or exit in their start do so in each request', async () => {
    const panics = await ask('go-start-panics');
    expect(panics.told.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2]);
    expect(panics.logLines.filter((line) => line === 'info panic: asked to panic')).toHaveLength(3);
    const exits = await ask('go-start-exits');
    expect(exits.told.map(({ exitCode }) => exitCode)).toEqual([3, 3, 3]);
  });
});
