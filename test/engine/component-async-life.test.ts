/** How runs of services live on, and end. */
import { describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { World } from '../support/abi-world.ts';
import { commandGuest, noCallback, serviceGuest } from '../support/async-guests.ts';
import { libc } from '../support/component-bytes.ts';
import { untilHolds } from '../support/until-holds.ts';
import { Engine } from './world.ts';

const handle = (code: string): string =>
  `(func (export "handle") (param i32) (result i32) ${code})`;
const callback = (code: string): string =>
  `(func (export "callback") (param i32 i32 i32) (result i32) ${code})`;
const exit = '(i32.const 0)';
const hello = '(data (i32.const 1024) "hello")';
const sayHello = '(call $say (i32.const 1024) (i32.const 5))';
const wait = '(i32.or (i32.const 2) (i32.shl (call $get) (i32.const 4)))';
const waitsLong = handle(`
  (call $set (call $set-new))
  (call $join (i32.shr_u (call $after (i64.const 60000000000)) (i32.const 4)) (call $get))
  ${wait}`);

describe('when its client goes away', () => {
  async function goAway(guest: Uint8Array, cancelGraceMs = 1): Promise<string> {
    using engine = new Engine({ limits: { cancelGraceMs } });
    const world = new World();
    const { exchange, report } = engine.begin(engine.load(guest), { world });
    await untilHolds(() => expect(world.waiting.size).toBe(1));
    exchange.goAway();
    const { outcome, cause } = await report;
    return `${outcome}: ${cause?.detail}`;
  }

  test('a service is told, and may end without an answer', async () => {
    const told = '(if (i32.ne (local.get 0) (i32.const 6)) (then unreachable))';
    const guest = serviceGuest(waitsLong + callback(`${told} (call $cancel) ${exit}`));
    expect(await goAway(guest, 60_000)).toBe('abandoned: the client went away');
  });

  test('one that goes on waiting is ended', async () => {
    expect(await goAway(serviceGuest(waitsLong + callback(wait)))).toMatch(/^abandoned/);
  });

  test('so is one that does not listen', async () => {
    const guest = serviceGuest(
      `${noCallback} ${handle('(call $sleep (i64.const 60000000000)) (i32.const 0)')}`,
    );
    expect(await goAway(guest)).toMatch(/^abandoned/);
  });
});

describe('after its answer', () => {
  const answers = `(call $begin) ${sayHello} (call $end)`;

  test('what it has left to do has an end', async () => {
    const sleeps = '(call $sleep (i64.const 60000000000))';
    const guest = serviceGuest(`${hello} ${noCallback} ${handle(`${answers} ${sleeps} ${exit}`)}`);
    using engine = new Engine();
    const world = new World();
    const { exchange, report } = engine.begin(engine.load(guest), { world });
    await untilHolds(() => expect(world.waiting.size).toBe(2));
    world.elapse(5_000_000_000n);
    expect((await report).cause?.detail).toMatch(/at most 5000 ms after the answer/);
    expect(exchange.sent?.text).toBe('hello');
  });

  test('a trap takes nothing of it back', async () => {
    const guest = serviceGuest(`${hello} ${noCallback} ${handle(`${answers} unreachable`)}`);
    using engine = new Engine();
    const loaded = engine.load(guest);
    for (let run = 0; run < 2; run += 1) {
      const { text, report } = await engine.run(loaded);
      expect([text, report.outcome, report.error]).toEqual(['hello', 'trapped', undefined]);
    }
  });
});

describe('an answer breaks off', () => {
  async function isBroken(code: string): Promise<boolean> {
    const guest = serviceGuest(`${hello} ${noCallback}
      (data (i32.const 512) "content-length") (data (i32.const 544) "9")
      ${handle(code)}`);
    using engine = new Engine();
    const { exchange, report } = engine.begin(engine.load(guest));
    await report;
    return exchange.isBroken && exchange.sent === undefined;
  }
  /** As \`$begin\` does, with a length of 9. */
  const beginNine = `
    (local $s i64) (local $f i64) (local $fields i32)
    (local.set $s (call $stream)) (local.set $f (call $future)) (local.set $fields (call $fields))
    (call $append (local.get $fields)
      (i32.const 512) (i32.const 14) (i32.const 544) (i32.const 1) (i32.const 0))
    (call $response (local.get $fields) (i32.const 1) (i32.wrap_i64 (local.get $s))
      (i32.wrap_i64 (local.get $f)) (i32.const 0))
    (global.set $out (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32))))
    (global.set $trailers (i32.wrap_i64 (i64.shr_u (local.get $f) (i64.const 32))))
    (call $answer (i32.load (i32.const 0)))`;

  test.each([
    ['whose body has no end', `(call $begin) ${sayHello} ${exit}`],
    [
      'whose body is said to be whole by nobody',
      `(call $begin) ${sayHello} (call $close (global.get $out)) ${exit}`,
    ],
    [
      'whose trailers are an error',
      `(call $begin) ${sayHello} (call $close (global.get $out))
       (i32.store8 (i32.const 256) (i32.const 1))
       (drop (call $future-write (global.get $trailers) (i32.const 256)))
       (call $future-close (global.get $trailers)) ${exit}`,
    ],
    ['that is shorter than it said', `${beginNine} ${sayHello} (call $end) ${exit}`],
    ['that is longer than it said', `${beginNine} ${sayHello} ${sayHello} (call $end) ${exit}`],
  ])('%s', async (_, code) => {
    expect(await isBroken(code)).toBe(true);
  });

  test('but not one that is as long as it said', async () => {
    const nine = '(call $say (i32.const 1024) (i32.const 4))';
    expect(await isBroken(`${beginNine} ${sayHello} ${nine} (call $end) ${exit}`)).toBe(false);
  });
});

describe('a service', () => {
  const modes: readonly (RestoreMode | 'never')[] = ['copy', 'cards', 'never'];
  test.each(modes)('finds its tasks, handles and words as new: %s', async (restoreMode) => {
    // The number of a new handle, and what the first word was before.
    const guest = serviceGuest(
      `${noCallback} ${handle(`
      (local $set i32)
      (local.set $set (call $set-new))
      (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (local.get $set)))
      (i32.store8 (i32.const 1025) (i32.add (i32.const 48) (call $get)))
      (call $set (i32.const 9))
      (call $inc)
      (drop (call $after (i64.const 60000000000)))
      (call $begin) (call $say (i32.const 1024) (i32.const 2)) (call $end) ${exit}`)}`,
    );
    using engine = new Engine({ restoreMode });
    const loaded = engine.load(guest);
    const texts: string[] = [];
    for (let run = 0; run < 4; run += 1) texts.push((await engine.run(loaded)).text);
    expect(texts).toEqual(['20', '20', '20', '20']);
  });

  test('is not disturbed by what a run before it had begun', async () => {
    // Begins to read its body, waits, and answers whether the body has come or not.
    const guest = serviceGuest(`${hello}
      ${handle(`
        (call $open (local.get 0))
        (call $set (call $set-new))
        (drop (call $read (i32.load (i32.const 8)) (i32.const 2048) (i32.const 4)))
        (call $join (i32.load (i32.const 8)) (call $get))
        (call $join (i32.shr_u (call $after (i64.const 2000000)) (i32.const 4)) (call $get))
        ${wait}`)}
      ${callback(`
        (if (i32.eq (local.get 0) (i32.const 2)) (then (return ${wait})))
        (call $begin) ${sayHello} (call $end) ${exit}`)}`);
    using engine = new Engine();
    const loaded = engine.load(guest);
    const late = Promise.withResolvers<Uint8Array>();
    const begin = async (plan: object) => {
      const world = new World();
      const run = engine.begin(loaded, { ...plan, world });
      await untilHolds(() => expect(world.waiting.size).toBe(1));
      return { ...run, world };
    };
    const first = await begin({ body: 'late', lateBody: late.promise });
    first.world.elapse(2_000_000n);
    expect((await first.report).outcome).toBe('replied');
    const second = await begin({});
    late.resolve(Buffer.from('late'));
    await new Promise((resolve) => setImmediate(resolve));
    second.world.elapse(2_000_000n);
    expect((await second.report).cause?.detail).toBeUndefined();
    expect(second.exchange.sent?.text).toBe('hello');
  });

  test('may wait as 0.2 has it, too', async () => {
    const poll = 'wasi:io/poll@0.2.0';
    const clock = 'wasi:clocks/monotonic-clock@0.2.0';
    const beside = {
      imports: { [poll]: ['[method]pollable.block'], [clock]: ['subscribe-duration'] },
      head: `
        (import "${poll}" "[method]pollable.block" (func $block (param i32)))
        (import "${clock}" "subscribe-duration" (func $subscribe (param i64) (result i32)))`,
    };
    const guest = serviceGuest(
      `${hello} ${noCallback} ${handle(`
        (call $block (call $subscribe (i64.const 2000000)))
        (call $begin) ${sayHello} (call $end) ${exit}`)}`,
      { beside },
    );
    using engine = new Engine();
    const world = new World();
    const { exchange, report } = engine.begin(engine.load(guest), { world });
    await untilHolds(() => expect(world.waiting.size).toBe(1));
    world.elapse(2_000_000n);
    expect((await report).cause?.detail).toBeUndefined();
    expect(exchange.sent?.text).toBe('hello');
  });

  test('asks a server, and answers with what that says', async () => {
    const guest = serviceGuest(`
      (data (i32.const 512) "example.org")
      ${noCallback} ${handle(`
        (local $f i64)
        (local.set $f (call $future))
        (drop (call $future-write
          (i32.wrap_i64 (i64.shr_u (local.get $f) (i64.const 32))) (i32.const 256)))
        (call $request (call $fields) (i32.const 0) (i32.const 0) (i32.wrap_i64 (local.get $f))
          (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (call $set-scheme (i32.load (i32.const 0))
          (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
        (drop (call $set-authority (i32.load (i32.const 0))
          (i32.const 1) (i32.const 512) (i32.const 11)))
        (call $send-sync (i32.load (i32.const 0)) (i32.const 64))
        (if (i32.load8_u (i32.const 64)) (then unreachable))
        (call $answer (i32.load (i32.const 72))) ${exit}`)}`);
    using engine = new Engine();
    const world = new World();
    world.fetch.answer('http://example.org', async () => ({
      ...{ status: 201, headers: [['x-from', 'there']] as const },
      body: Buffer.from('far away'),
    }));
    const { exchange, report } = engine.begin(engine.load(guest), { world });
    expect((await report).cause?.detail).toBeUndefined();
    await untilHolds(() => expect(exchange.sent?.text).toBe('far away'));
    expect([exchange.sent?.status, exchange.sent?.headers]).toEqual([201, ['x-from: there']]);
  });
});

describe('a program of 0.3', () => {
  const head = 'content-type: text/plain\\0a\\0ahello';
  const run = (code: string): Uint8Array =>
    commandGuest(`
      (data (i32.const 1024) "${head}")
      ${noCallback}
      (func (export "run") (result i32) (local $s i64) ${code} (i32.const 0))`);

  test('answers by its output', async () => {
    const guest = run(`
      (local.set $s (call $stream))
      (drop (call $write-via (i32.wrap_i64 (local.get $s))))
      (drop (call $write (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32)))
        (i32.const 1024) (i32.const 31)))
      (call $close (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32))))
      (call $return (i32.const 0))`);
    using engine = new Engine();
    const { text, reply, report } = await engine.run(engine.load(guest));
    expect(report.cause?.detail).toBeUndefined();
    expect([reply?.status, text]).toEqual([200, 'hello']);
  });

  test('has no more than 1 MiB taken off it at once', async () => {
    const guest = commandGuest(
      `${noCallback}
      (func (export "run") (result i32) (local $s i64)
        (local.set $s (call $stream))
        (drop (call $write-via-error (i32.wrap_i64 (local.get $s))))
        (call $return (i32.ne (i32.const 0x1000000)
          (call $write (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32)))
            (i32.const 0) (i32.const 0x200000))))
        (i32.const 0))`,
      libc.replace('(memory (export "memory") 2)', '(memory (export "memory") 40)'),
    );
    using engine = new Engine();
    const { report } = await engine.run(engine.load(guest));
    expect(report.exitCode).toBeUndefined();
  });

  test('has failed when it answers 1', async () => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(run('(call $return (i32.const 1))')));
    expect([report.outcome, report.exitCode]).toEqual(['exited', 1]);
  });
});
