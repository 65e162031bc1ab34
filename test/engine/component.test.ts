import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { World } from '../support/abi-world.ts';
import { libc } from '../support/component-bytes.ts';
import { answer, cliGuest, httpGuest } from '../support/component-guests.ts';
import { untilHolds } from '../support/until-holds.ts';
import { Engine } from './world.ts';

const modes: readonly RestoreMode[] = ['copy', 'cards', 'copy-on-write'];
const isThere = (mode: RestoreMode): boolean =>
  mode !== 'copy-on-write' || process.platform === 'linux';

const handle = (code: string): string => `(func (export "handle") (param i32 i32) ${code})`;

const hello = httpGuest(`
  (data (i32.const 1024) "hello")
  ${answer}
  ${handle('(call $answer (local.get 1) (i32.const 1024) (i32.const 5))')}`);

/** Answers how often it was called, counted in memory, in a global and in a table. */
const counter = httpGuest(`
  (global $count (mut i32) (i32.const 0))
  (table 2 funcref)
  (elem (i32.const 0) $answer)
  ${answer}
  ${handle(`
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1)))
    (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count)))
    (i32.store8 (i32.const 1025) (i32.add (i32.const 48) (i32.load (i32.const 2048))))
    (i32.store8 (i32.const 1026) (i32.add (i32.const 48) (ref.is_null (table.get (i32.const 1)))))
    (table.set (i32.const 1) (table.get (i32.const 0)))
    (call $answer (local.get 1) (i32.const 1024) (i32.const 3))`)}`);

/** Answers its path: a string that the guest's own allocator has room for. */
const path = httpGuest(`
  ${answer}
  ${handle(`
    (call $path (local.get 0) (i32.const 512))
    (call $answer (local.get 1) (i32.load (i32.const 516)) (i32.load (i32.const 520)))`)}`);

/** What the run of a guest ended with: its status, or why it trapped. */
async function endOf(guest: Uint8Array): Promise<string> {
  using engine = new Engine();
  const { reply, report } = await engine.run(engine.load(guest));
  return report.cause?.detail ?? String(reply?.status);
}

describe('a component', () => {
  test('answers a request', async () => {
    using engine = new Engine();
    const { text, reply, report } = await engine.run(engine.load(hello));
    expect(report.cause?.detail).toBeUndefined();
    expect([reply?.status, text]).toEqual([200, 'hello']);
  });

  test.each(modes.filter(isThere))('begins each request anew: %s', async (restoreMode) => {
    using engine = new Engine({ restoreMode });
    const loaded = engine.load(counter);
    for (let run = 0; run < 5; run += 1) {
      expect((await engine.run(loaded)).text).toBe('111');
    }
  });

  test('answers a hundred requests as a hundred new instances do', async () => {
    const hashes = await Promise.all(
      (['cards', 'never'] as const).map(async (restoreMode) => {
        using engine = new Engine({ restoreMode });
        const loaded = engine.load(path);
        const hash = createHash('sha256');
        for (let run = 0; run < 100; run += 1) {
          const { text } = await engine.run(loaded, { target: `/hello.wasm/${'x'.repeat(run)}` });
          expect(text).toBe(`/${'x'.repeat(run)}`);
          hash.update(`${text}\n`);
        }
        return hash.digest('hex');
      }),
    );
    expect(new Set(hashes).size).toBe(1);
  });

  test('waits, and goes on', async () => {
    const sleepy = httpGuest(`
      (data (i32.const 1024) "slept")
      ${answer}
      ${handle(`
        (call $block (call $after (i64.const 2000000)))
        (call $answer (local.get 1) (i32.const 1024) (i32.const 5))`)}`);
    using engine = new Engine();
    const world = new World();
    const { exchange, report } = engine.begin(engine.load(sleepy), { world });
    await untilHolds(() => expect(world.waiting.size).toBeGreaterThan(0));
    expect(exchange.replyState).toBe('none');
    world.elapse(2_000_000n);
    expect((await report).outcome).toBe('replied');
  });

  test('does not wait for a body that is not there: its answer leaves whole', async () => {
    const reader = httpGuest(`
      (data (i32.const 1024) "read")
      ${handle(`
        (local $response i32) (local $body i32)
        (local.set $response (call $response (call $fields)))
        (call $body (local.get $response) (i32.const 0))
        (local.set $body (i32.load (i32.const 4)))
        (call $set (local.get 1) (i32.const 0) (local.get $response)
          (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (call $consume (local.get 0) (i32.const 0))
        (call $stream (i32.load (i32.const 4)) (i32.const 0))
        (call $read (i32.load (i32.const 4)) (i64.const 9) (i32.const 512))
        (call $open (local.get $body) (i32.const 0))
        (call $write-flush (i32.load (i32.const 4)) (i32.const 1024) (i32.const 4) (i32.const 16))
        (call $drop-stream (i32.load (i32.const 4)))
        (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64))`)}`);
    using engine = new Engine();
    const { exchange, report } = engine.begin(engine.load(reader));
    const sendPiped = vi.spyOn(exchange, 'sendPiped');
    expect((await report).outcome).toBe('replied');
    expect(Buffer.from(exchange.sent?.body ?? []).toString()).toBe('read');
    expect(sendPiped).not.toHaveBeenCalled();
  });

  test('is answered for where it sets no answer', async () => {
    expect(await endOf(httpGuest(handle('')))).toMatch(/sets its answer before it returns/);
  });

  test('is ended when it computes without end', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 50 } });
    const { report } = await engine.run(engine.load(httpGuest(handle('(loop (br 0))'))));
    expect(report.outcome).toBe('out-of-cpu');
  });
});

describe('a component traps', () => {
  const noValue = '(i32.const 0) (i32.const 0) (i32.const 0)';
  const body = '(call $body (call $response (call $fields)) (i32.const 0))';
  test.each<[string, string, RegExp]>([
    ['with handle 0', '(drop (call $response (i32.const 0)))', /handle 0.*names nothing/],
    ['with a handle beyond all', '(drop (call $response (i32.const -1)))', /names nothing/],
    ['with a handle of another kind', '(drop (call $response (local.get 0)))', /another kind/],
    [
      'with a handle that is used up',
      `(local $f i32) (local.set $f (call $fields))
       (drop (call $response (local.get $f))) (drop (call $response (local.get $f)))`,
      /names nothing|another kind/,
    ],
    [
      'with a result past memory',
      '(call $body (call $response (call $fields)) (i32.const -4))',
      /linear memory/,
    ],
    [
      'with a result not aligned',
      '(call $body (call $response (call $fields)) (i32.const 2))',
      /multiples of 4/,
    ],
    [
      'with a name that is not UTF-8',
      `(i32.store8 (i32.const 64) (i32.const 255))
       (call $append (call $fields) (i32.const 64) (i32.const 1) ${noValue})`,
      /must be UTF-8/,
    ],
    [
      'with a string past memory',
      `(call $append (call $fields) (i32.const 131071) (i32.const 2) ${noValue})`,
      /linear memory/,
    ],
    [
      'with a string of 2^32 - 1 bytes',
      `(call $append (call $fields) (i32.const 0) (i32.const -1) ${noValue})`,
      /at most/,
    ],
    [
      'with a case that is none',
      `(call $set (local.get 1) (i32.const 2) (i32.const 0) (i32.const 0) (i64.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`,
      /one of 2 cases/,
    ],
    [
      'when it writes more than was permitted',
      `${body} (call $open (i32.load (i32.const 4)) (i32.const 0))
       (call $write (i32.load (i32.const 4)) (i32.const 0) (i32.const 1) (i32.const 16))`,
      /check-write permitted/,
    ],
    [
      'when it writes and waits for more than 4096 bytes',
      `${body} (call $open (i32.load (i32.const 4)) (i32.const 0))
       (call $write-flush (i32.load (i32.const 4)) (i32.const 0) (i32.const 4097) (i32.const 16))`,
      /at most 4096 bytes/,
    ],
    [
      'when it finishes a body whose stream it still has',
      `(local $b i32) ${body} (local.set $b (i32.load (i32.const 4)))
       (call $open (local.get $b) (i32.const 0))
       (call $finish (local.get $b) (i32.const 0) (i32.const 0) (i32.const 64))`,
      /dropped first/,
    ],
    ['with 10,001 handles', '(loop (drop (call $fields)) (br 0))', /at most 10000 at once/],
  ])('%s', async (_, code, reason) => {
    expect(await endOf(httpGuest(handle(code)))).toMatch(reason);
  });

  const realloc = (code: string): string =>
    libc.replace(
      /\(func \(export "realloc"\)[\s\S]*$/,
      `(func (export "realloc") (param i32 i32 i32 i32) (result i32) ${code}))`,
    );
  test.each<[string, string, RegExp]>([
    ['is past the end of memory', '(i32.const 131072)', /realloc answered 131072/],
    ['traps', 'unreachable', /unreachable/],
    ['computes without end', '(loop (br 0)) (i32.const 0)', /more than/],
  ])('when its realloc %s', async (_, code, reason) => {
    const wants = handle('(call $path (local.get 0) (i32.const 512))');
    expect(await endOf(httpGuest(wants, realloc(code)))).toMatch(reason);
  });
});

describe('a program', () => {
  const head = 'content-type: text/plain\\0a\\0a';
  test('answers by its output, from its input', async () => {
    const echo = cliGuest(`
      (data (i32.const 1024) "${head}")
      (func (export "run") (result i32)
        (local $out i32)
        (local.set $out (call $stdout))
        (call $write-flush (local.get $out) (i32.const 1024) (i32.const 26) (i32.const 16))
        (call $read (call $stdin) (i64.const 100) (i32.const 32))
        (call $write-flush (local.get $out)
          (i32.load (i32.const 36)) (i32.load (i32.const 40)) (i32.const 16))
        (i32.const 0))`);
    using engine = new Engine();
    const { text, reply, report } = await engine.run(engine.load(echo), { body: 'Ada' });
    expect(report.cause?.detail).toBeUndefined();
    expect([reply?.status, text]).toEqual([200, 'Ada']);
  });

  test.each([
    ['answers 1', '(i32.const 1)'],
    ['exits with 1', '(call $exit (i32.const 1)) (i32.const 0)'],
  ])('has failed when it %s', async (_, code) => {
    using engine = new Engine();
    const guest = cliGuest(`(func (export "run") (result i32) ${code})`);
    const { report } = await engine.run(engine.load(guest));
    expect([report.outcome, report.exitCode]).toEqual(['exited', 1]);
  });
});
