/** Programs as Go makes them, whose start is done once; see go-like.ts. */
import { describe, expect, test } from 'vitest';
import { createCatalogue } from '../../../src/abi/catalogue.ts';
import { makeMarks } from '../../../src/engine/early/early-start.ts';
import type { OwnerKey } from '../../../src/names.ts';
import type { LoadedModule } from '../../../src/threads/messages.ts';
import { World } from '../../support/abi-world.ts';
import { type Answer, answerOf, Engine, sharesOf, TestExchange } from '../world.ts';
import { answerBytes, at, type GoLikeOptions, goLikeNames, makeGoLike, seed } from './go-like.ts';

const modes = ['copy', 'cards', 'copy-on-write'] as const;
const isThere = (mode: string): boolean => mode !== 'copy-on-write' || process.platform === 'linux';

/** Gives the program's runtime what its generator was made of, and counts what is asked for. */
class SeedingWorld extends World {
  asked = 0;

  override fillRandom(target: Uint8Array): void {
    this.asked += 1;
    if (this.asked === 1) target.set(seed);
    else super.fillRandom(target);
  }
}

interface Told {
  /** How often the program has started, as its memory says. */
  readonly starts: number;
  readonly environment: string;
  readonly copy: string;
  /** Key, counts, second generator. */
  readonly generator: Buffer;
}

/** Zeros where there is no answer. */
function read({ reply }: Answer): Told {
  const body = reply === undefined ? Buffer.alloc(answerBytes) : Buffer.from(reply.body);
  const from = at.starts;
  const memory = body.subarray(0, answerBytes);
  return {
    starts: memory.readUInt32LE(0),
    environment: memory.toString('latin1', at.environment - from).split('\0', 1)[0] ?? '',
    copy: memory.toString('latin1', at.copy - from).split('\0', 1)[0] ?? '',
    generator: body.subarray(answerBytes + 256),
  };
}

async function ask(engine: Engine, loaded: LoadedModule, world: World, id = '4fa1-1') {
  const exchange = new TestExchange({ id }, Buffer.alloc(0));
  const report = await engine.pool.acquire(loaded, sharesOf()).run(exchange, world);
  const answer = answerOf(exchange, report);
  return { ...read(answer), report };
}

/** Answers two requests by one program. */
async function askTwice(options: GoLikeOptions) {
  using engine = new Engine({ restoreMode: 'cards' });
  const loaded = engine.load(makeGoLike(options));
  const world = new SeedingWorld();
  const first = await ask(engine, loaded, world, '4fa1-1');
  const second = await ask(engine, loaded, world, '4fa1-2');
  // One instance for each of the two starts, or those and one more.
  const { created } = engine.pool.counts;
  return { first, second, world, created, loaded };
}

describe.each(modes.filter(isThere))('restored by %s', (restoreMode) => {
  test('every request begins behind the start, with what is its own', async () => {
    using engine = new Engine({ restoreMode });
    const loaded = engine.load(makeGoLike());
    const world = new SeedingWorld();
    const told: Told[] = [];
    for (const id of ['4fa1-1', '4fa1-2', '4fa1-3'])
      told.push(await ask(engine, loaded, world, id));
    expect(told.map(({ starts }) => starts)).toEqual([1, 1, 1]);
    expect(told.map(({ environment }) => environment.slice(-2))).toEqual(['01', '02', '03']);
    expect(new Set(told.map(({ generator }) => generator.toString('hex'))).size).toBe(3);
    // Nothing is left of the block: the next number is drawn from the new key.
    for (const { generator } of told) expect(generator.subarray(32, 48)).toEqual(Buffer.alloc(16));
    // The twin of the start, and the instance that serves.
    expect(engine.pool.counts).toMatchObject({ created: 2, discarded: 1 });
    // Once for the start, and once for each request.
    expect(world.asked).toBe(4);
  });

  test('a second instance is a copy of the first', async () => {
    using engine = new Engine({ restoreMode });
    const loaded = engine.load(makeGoLike());
    const world = new SeedingWorld();
    await ask(engine, loaded, world);
    const early = new SeedingWorld();
    const shares = { ...sharesOf(), site: '/other' };
    const failure = await engine.pool.tryOut(loaded, shares, early);
    expect(failure).toBeUndefined();
    // It was made without a start: nothing was drawn.
    expect(early.asked).toBe(0);
  });
});

test('a copy of what only a request has becomes that of each request', async () => {
  const copies = `
    (memory.copy (i32.const ${at.copy}) (i32.const ${at.environment}) (i32.const 48))`;
  const { first, second } = await askTwice({ start: copies });
  expect(first.copy).toMatch(/^FASTLY_TRACE_ID=4fa10+1$/);
  expect(second.copy).toMatch(/^FASTLY_TRACE_ID=4fa10+2$/);
  expect([first.starts, second.starts]).toEqual([1, 1]);
});

test('a start ends where it asks for more random numbers', async () => {
  const { first, second, world, created } = await askTwice({ asksRandom: true });
  expect([first.starts, second.starts]).toEqual([1, 1]);
  expect(created).toBe(2);
  // The start's, and of each request those of its generator and those that it asks for.
  expect(world.asked).toBe(5);
});

test('the environment of the owner is that of the site', async () => {
  using engine = new Engine({ restoreMode: 'cards' });
  const loaded = engine.load(makeGoLike());
  const told: number[] = [];
  for (const value of ['one', 'other', 'one']) {
    const world = new SeedingWorld();
    world.settings = { ...world.settings, environment: new Map([['FASTLY_POP', value]]) };
    await ask(engine, loaded, world);
    told.push(world.asked);
  }
  // Each environment has a start of its own; the third request is told the same as the first.
  expect(told).toEqual([2, 2, 1]);
});

test('an owner whose name ends as the key of another does has a start of his own', async () => {
  using engine = new Engine({ restoreMode: 'cards' });
  const loaded = engine.load(makeGoLike());
  const world = new SeedingWorld();
  world.settings = { ...world.settings, environment: new Map([['FASTLY_POP', 'one']]) };
  const kind = createCatalogue(engine.limits)
    .abis.get('fastly')
    ?.early?.kindOf({ capabilities: world });
  const askAs = async (owner: string, toldWorld: World) => {
    const exchange = new TestExchange({ id: '4fa1-1' }, Buffer.alloc(0));
    const shares = { ...sharesOf(), owner: owner as OwnerKey };
    return read(
      answerOf(exchange, await engine.pool.acquire(loaded, shares).run(exchange, toldWorld)),
    );
  };
  await askAs('/a', world);
  await askAs(`/a ${kind}`, new SeedingWorld());
  const told = new SeedingWorld();
  await askAs('/a', told);
  // One for the start, and one for the request.
  expect(told.asked).toBe(2);
});

/** Beside the one in the environment itself. */
function copiesOf(count: number): string {
  const copy = (_: unknown, place: number): string =>
    `(memory.copy (i32.const ${0x4000 + place * 64}) (i32.const ${at.environment}) (i32.const 48))`;
  return Array.from({ length: count }, copy).join('\n    ');
}

describe('a program starts in each request', () => {
  const starts = async (options: GoLikeOptions) => {
    const told = await askTwice(options);
    expect([told.first.starts, told.second.starts]).toEqual([1, 1]);
    // Two for the starts that were tried, and one that serves.
    expect(told.created).toBe(3);
  };

  test('that has drawn for itself', async () => {
    await starts({ start: '(drop (call $rand (i32.const 0)))' });
  });

  test('that makes something of what only a request has', async () => {
    const start = `(i32.store (i32.const ${at.copy})
      (i32.xor (i32.load (i32.const ${at.environment + 16})) (i32.const 1)))`;
    await starts({ start });
  });

  test('that makes something of one digit of it', async () => {
    const start = `(i32.store8 (i32.const ${at.copy})
      (i32.load8_u (i32.const ${at.environment + 'FASTLY_TRACE_ID='.length})))`;
    await starts({ start });
  });

  test('that asks for the time', async () => {
    const start = '(drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0x180)))';
    await starts({ start });
  });

  test('that has more copies of what only a request has than are written over', async () => {
    await starts({ start: copiesOf(64) });
    expect((await askTwice({ start: copiesOf(63) })).created).toBe(2);
  });

  test('whose goroutine is nowhere, or the system’s own', async () => {
    for (const g of ['(i64.const 0x7ffffff8)', '(i64.const -8)', `(i64.const ${at.g0})`]) {
      await starts({ g });
    }
  });

  test('that has files of its site', async () => {
    using engine = new Engine({ restoreMode: 'cards' });
    const loaded = engine.load(makeGoLike());
    const world = new SeedingWorld();
    world.settings = { ...world.settings, isGrantedFiles: true };
    for (let run = 1; run <= 2; run += 1) await ask(engine, loaded, world);
    expect(engine.pool.counts.created).toBe(1);
    expect(world.asked).toBe(2);
  });

  test('that ends in its start', async () => {
    using engine = new Engine({ restoreMode: 'cards' });
    const loaded = engine.load(makeGoLike({ start: '(call $exit (i32.const 3))' }));
    const { report } = await ask(engine, loaded, new SeedingWorld());
    expect(report).toMatchObject({ outcome: 'exited', exitCode: 3 });
  });

  test('that traps in its start', async () => {
    using engine = new Engine({ restoreMode: 'cards' });
    const loaded = engine.load(makeGoLike({ start: 'unreachable' }));
    const { report } = await ask(engine, loaded, new SeedingWorld());
    expect(report.outcome).toBe('trapped');
  });
});

test('two marks have no digit in common, nor a bit of one', () => {
  const { one, other } = makeMarks(32);
  expect([one.length, other.length]).toEqual([32, 32]);
  const numberOf = (digit: string): number => Number.parseInt(digit, 16);
  const sums = Array.from(one, (digit, place) => numberOf(digit) ^ numberOf(other[place] ?? ''));
  expect(sums).toEqual(Array(32).fill(15));
});

describe('where there is no room for two starts', () => {
  test('a program starts in its run', async () => {
    using engine = new Engine({ restoreMode: 'cards', limits: { instancesMax: 1 } });
    const loaded = engine.load(makeGoLike());
    for (const id of ['4fa1-1', '4fa1-2']) {
      const { starts, report } = await ask(engine, loaded, new SeedingWorld(), id);
      expect(report.outcome).toBe('replied');
      expect(starts).toBe(1);
    }
  });

  test('nobody is taken up in what began without', async () => {
    using engine = new Engine({ restoreMode: 'cards', limits: { instancesMax: 2 } });
    const loaded = engine.load(makeGoLike());
    const other = engine.load(makeGoLike({ start: 'nop' }));
    const others = engine.account.shareOf('/others' as OwnerKey);
    const asks = async (): Promise<void> => {
      const { starts, report } = await ask(engine, loaded, new SeedingWorld());
      expect(report.outcome).toBe('replied');
      expect(starts).toBe(1);
    };
    await asks();
    others.addMemories(1);
    // It takes the room of the guest that waits.
    await ask(engine, other, new SeedingWorld());
    await asks();
    others.addMemories(-1);
    for (let run = 0; run < 3; run += 1) await asks();
    const { created } = engine.pool.counts;
    await asks();
    expect(engine.pool.counts.created).toBe(created);
  });
});

test('a start has the CPU time of one request', async () => {
  using engine = new Engine({ restoreMode: 'cards', limits: { cpuMsMax: 30 } });
  const loaded = engine.load(makeGoLike({ start: '(loop $ever (br $ever))' }));
  const { report } = await ask(engine, loaded, new SeedingWorld());
  expect(report.outcome).toBe('out-of-cpu');
});

describe('what is not exactly as Go makes it has no start of its own', () => {
  const placesOf = (options: GoLikeOptions): number | undefined => {
    using engine = new Engine();
    return engine.load(makeGoLike(options)).program.early?.places.size;
  };

  const { 1: refill = '' } = goLikeNames;

  test.each([
    ['another loop', { loopEnd: '(global.set 7 (i32.const 1))' }],
    ['no generator', { names: { ...goLikeNames, 0: 'runtime.other' } }],
    ['no names', { names: {} }],
    ['several generators', { names: { ...goLikeNames, 2: refill, 3: refill, 4: refill } }],
    ['a generator that others call', { start: '(drop (call $refill (i32.const 0)))' }],
    ['a pointer to what draws', { data: '\\00\\00\\00\\10\\00\\00\\00\\00' }],
    ['a pointer to the generator', { data: '\\00\\00\\01\\10\\00\\00\\00\\00' }],
    ['a name without end', { names: { ...goLikeNames, 7: 'n'.repeat(1_025) } }],
  ])('%s', (_, options) => {
    expect(placesOf(options)).toBeUndefined();
  });

  test('the rest has', () => {
    expect(placesOf({})).toBe(2);
    expect(placesOf({ data: '\\00\\00\\02\\10\\00\\00\\00\\00' })).toBe(2);
    expect(placesOf({ names: { ...goLikeNames, 7: 'n'.repeat(1_024) } })).toBe(2);
  });
});
