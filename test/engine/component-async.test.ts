import { describe, expect, test } from 'vitest';
import { World } from '../support/abi-world.ts';
import { noCallback, serviceGuest } from '../support/async-guests.ts';
import { untilHolds } from '../support/until-holds.ts';
import { Engine } from './world.ts';

const handle = (code: string, result = '(result i32)'): string =>
  `(func (export "handle") (param i32) ${result} ${code})`;
const callback = (code: string): string =>
  `(func (export "callback") (param i32 i32 i32) (result i32) ${code})`;
const exit = '(i32.const 0)';
const hello = '(data (i32.const 1024) "hello")';

/** What the run of a guest ended with: its status, or why it trapped. */
async function endOf(guest: Uint8Array): Promise<string> {
  using engine = new Engine();
  const { reply, report } = await engine.run(engine.load(guest));
  return report.cause?.detail ?? String(reply?.status);
}

describe('a service', () => {
  test('answers a request', async () => {
    using engine = new Engine();
    const guest = serviceGuest(`${hello} ${noCallback}
      ${handle(`(call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end) ${exit}`)}`);
    const { text, reply, report } = await engine.run(engine.load(guest));
    expect(report.cause?.detail).toBeUndefined();
    expect([reply?.status, text]).toEqual([200, 'hello']);
  });

  test('waits by its callback, beside others', async () => {
    const guest = serviceGuest(`${hello}
      ${handle(`
        (local $set i32)
        (local.set $set (call $set-new))
        (call $set (local.get $set))
        (call $join (i32.shr_u (call $after (i64.const 2000000)) (i32.const 4)) (local.get $set))
        (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4)))`)}
      ${callback(`
        ;; A subtask that has returned.
        (if (i32.ne (local.get 0) (i32.const 1)) (then unreachable))
        (if (i32.ne (local.get 2) (i32.const 2)) (then unreachable))
        (call $subtask-drop (local.get 1))
        (call $set-drop (call $get))
        (call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end) ${exit}`)}`);
    using engine = new Engine();
    const world = new World();
    const { exchange, report } = engine.begin(engine.load(guest), { world });
    await untilHolds(() => expect(world.waiting.size).toBeGreaterThan(0));
    expect(exchange.replyState).toBe('none');
    world.elapse(2_000_000n);
    expect((await report).cause?.detail).toBeUndefined();
    expect(exchange.sent?.text).toBe('hello');
  });

  test.each([
    ['in a call', '(call $sleep (i64.const 2000000))'],
    [
      'for a set',
      `(local $set i32)
       (local.set $set (call $set-new))
       (call $join (i32.shr_u (call $after (i64.const 2000000)) (i32.const 4)) (local.get $set))
       (if (i32.ne (call $set-wait (local.get $set) (i32.const 64)) (i32.const 1))
         (then unreachable))`,
    ],
  ])('without a callback keeps its stack while it waits %s', async (_, code) => {
    const guest = serviceGuest(
      `${hello} ${handle(
        `${code} (call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end)`,
        '',
      )}`,
      { callback: false },
    );
    using engine = new Engine();
    const world = new World();
    const { exchange, report } = engine.begin(engine.load(guest), { world });
    await untilHolds(() => expect(world.waiting.size).toBeGreaterThan(0));
    world.elapse(2_000_000n);
    expect((await report).cause?.detail).toBeUndefined();
    expect(exchange.sent?.text).toBe('hello');
  });

  test('reads a body as it comes, and answers with it', async () => {
    const guest = serviceGuest(`${noCallback}
      ${handle(`
        (local $n i32)
        (call $open (local.get 0))
        (call $begin)
        (block $end (loop $more
          (local.set $n (call $read-sync
            (i32.load (i32.const 8)) (i32.const 1024) (i32.const 4)))
          (br_if $end (i32.eqz (i32.shr_u (local.get $n) (i32.const 4))))
          (drop (call $write-sync (global.get $out)
            (i32.const 1024) (i32.shr_u (local.get $n) (i32.const 4))))
          (br_if $more (i32.eqz (i32.and (local.get $n) (i32.const 15))))))
        (call $end) ${exit}`)}`);
    using engine = new Engine();
    const late = Promise.withResolvers<Uint8Array>();
    const plan = { body: 'all of it', lateBody: late.promise };
    const { exchange, report } = engine.begin(engine.load(guest), plan);
    late.resolve(Buffer.from('all of it'));
    expect((await report).cause?.detail).toBeUndefined();
    await untilHolds(() => expect(exchange.sent?.text).toBe('all of it'));
  });

  test('passes on a body that it does not read', async () => {
    const guest = serviceGuest(`${noCallback}
      ${handle(`
        (call $open (local.get 0))
        (call $response (call $fields) (i32.const 1) (i32.load (i32.const 8))
          (i32.load (i32.const 12)) (i32.const 0))
        (call $answer (i32.load (i32.const 0))) ${exit}`)}`);
    using engine = new Engine();
    const { exchange, report } = engine.begin(engine.load(guest), { body: 'untouched' });
    expect((await report).cause?.detail).toBeUndefined();
    await untilHolds(() => expect(exchange.sent?.text).toBe('untouched'));
  });

  test('learns beside the answer that its request was never sent', async () => {
    const guest = serviceGuest(`${hello} ${noCallback}
      (data (i32.const 2048) "away.test")
      ${handle(`
        (local $trailers i64)
        (local.set $trailers (call $future))
        (call $request (call $fields) (i32.const 0) (i32.const 0)
          (i32.wrap_i64 (local.get $trailers)) (i32.const 0) (i32.const 0) (i32.const 8))
        (drop (call $set-authority (i32.load (i32.const 8)) (i32.const 1)
          (i32.const 2048) (i32.const 9)))
        (local.set $trailers (i64.shr_u (local.get $trailers) (i64.const 32)))
        (call $send-sync (i32.load (i32.const 8)) (i32.const 128))
        (if (i32.ne (i32.load8_u (i32.const 128)) (i32.const 1)) (then unreachable))
        (drop (call $future-write (i32.wrap_i64 (local.get $trailers)) (i32.const 256)))
        (call $future-close (i32.wrap_i64 (local.get $trailers)))
        (if (call $done-read (i32.load (i32.const 12)) (i32.const 512)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 512)) (i32.const 1)) (then unreachable))
        (call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end) ${exit}`)}`);
    expect(await endOf(guest)).toBe('200');
  });

  test('works on after its answer', async () => {
    const guest = serviceGuest(`${hello} ${noCallback}
      ${handle(`
        (call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end)
        (call $sleep (i64.const 2000000)) ${exit}`)}`);
    using engine = new Engine();
    const world = new World();
    const { exchange, report } = engine.begin(engine.load(guest), { world });
    await untilHolds(() => expect(exchange.sent?.text).toBe('hello'));
    // Beside its own there is the limit of what it may do yet.
    await untilHolds(() => expect(world.waiting.size).toBe(2));
    world.elapse(2_000_000n);
    expect((await report).outcome).toBe('replied');
  });

  test('is told when there are too many fields', async () => {
    const guest = serviceGuest(`${hello} ${noCallback}
      (data (i32.const 512) "x-field")
      ${handle(`
        (local $fields i32)
        (local.set $fields (call $fields))
        (loop
          (call $append (local.get $fields) (i32.const 512) (i32.const 7)
            (i32.const 512) (i32.const 7) (i32.const 64))
          (br_if 0 (i32.eqz (i32.load8_u (i32.const 64)))))
        ;; \`size-exceeded\`
        (if (i32.ne (i32.load8_u (i32.const 68)) (i32.const 3)) (then unreachable))
        (call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end) ${exit}`)}`);
    expect(await endOf(guest)).toBe('200');
  });

  test('answers by an error', async () => {
    const denied = 15;
    const guest = serviceGuest(`${noCallback}
      ${handle(`(call $return (i32.const 1) (i32.const ${denied}) (i32.const 0) (i64.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) ${exit}`)}`);
    expect(await endOf(guest)).toBe('403');
  });
});

describe('a service is ended', () => {
  const service = (code: string): Uint8Array => serviceGuest(`${noCallback} ${handle(code)}`);
  const stream = `
    (local $s i64) (local.set $s (call $stream))`;
  const reader = '(i32.wrap_i64 (local.get $s))';
  const writer = '(i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32)))';
  const noFlat = '(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)';
  const answered = `(call $begin) ${exit}`;

  test.each<[string, string, RegExp]>([
    ['when it ends without an answer', exit, /has returned/],
    ['when its code is none', '(i32.const 15)', /answers 0, 1 or 2: received 15/],
    ['when it waits for no set', '(i32.const 0x12)', /must name what is asked for/],
    [
      'when it waits for a set that is gone',
      `(local $set i32) (local.set $set (call $set-new)) (call $set-drop (local.get $set))
       (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4)))`,
      /names nothing/,
    ],
    [
      'when it waits for what cannot come',
      '(i32.or (i32.const 2) (i32.shl (call $set-new) (i32.const 4)))',
      /left to wait for/,
    ],
    ['when it answers twice', '(call $begin) (call $begin) (i32.const 0)', /a task returns once/],
    ['when it cancels what nobody told it to', `(call $cancel) ${exit}`, /it was told to/],
    [
      'when it answers with what is no response',
      `(call $return (i32.const 0) (local.get 0) (i32.const 0) (i64.const 0) ${noFlat}) ${exit}`,
      /another kind/,
    ],
    [
      'when it drops a future that was not written',
      `(call $begin) (call $future-close (global.get $trailers)) ${exit}`,
      /its value was written/,
    ],
    [
      'when it uses an end of another type',
      `(drop (call $future-read (i32.wrap_i64 (call $stream)) (i32.const 0))) ${exit}`,
      /an end of that type/,
    ],
    [
      'when it reads by the writable end',
      `${stream} (drop (call $read ${writer} (i32.const 0) (i32.const 1))) ${exit}`,
      /must name what is asked for/,
    ],
    [
      'when it copies from a place past its memory',
      `${stream} (drop (call $write ${writer} (i32.const -1) (i32.const 2))) ${exit}`,
      /lie in linear memory/,
    ],
    [
      'when it copies 2^28 elements',
      `${stream} (drop (call $write ${writer} (i32.const 0) (i32.const 0x10000000))) ${exit}`,
      /at most 268435455 elements/,
    ],
    [
      'when it begins two copies at one end',
      `${stream} (drop (call $write ${writer} (i32.const 0) (i32.const 1)))
       (drop (call $write ${writer} (i32.const 0) (i32.const 1))) ${exit}`,
      /an end that is idle/,
    ],
    [
      'when it drops an end that copies',
      `${stream} (drop (call $write ${writer} (i32.const 0) (i32.const 1)))
       (call $close ${writer}) ${exit}`,
      /no copy is under way/,
    ],
    [
      'when it cancels nothing',
      `${stream} (drop (call $cancel-read ${reader})) ${exit}`,
      /a copy that is under way/,
    ],
    [
      'when it gives away an end that is in use',
      `${stream} (drop (call $read ${reader} (i32.const 0) (i32.const 1)))
       (call $response (call $fields) (i32.const 1) ${reader}
         (i32.wrap_i64 (call $future)) (i32.const 0)) ${exit}`,
      /an end that is idle/,
    ],
    [
      'when it waits alone for what is in a set',
      `${stream} (call $join ${reader} (call $set-new))
       (drop (call $read-sync ${reader} (i32.const 0) (i32.const 1))) ${exit}`,
      /not one of a set/,
    ],
    [
      'when it drops a set that is not empty',
      `${stream} (call $set (call $set-new))
       (call $join ${reader} (call $get)) (call $set-drop (call $get)) ${exit}`,
      /it is empty/,
    ],
    [
      'when it drops a call under way',
      `(call $subtask-drop (i32.shr_u (call $after (i64.const 1000)) (i32.const 4))) ${exit}`,
      /its end is known/,
    ],
    ['when it takes back more than it gave', `(call $dec) ${answered}`, /0 to 65535/],
    [
      'when it says 65,536 times that it is busy',
      `(local $n i32)
       (loop (call $inc) (br_if 0 (i32.lt_u
         (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 65536)))) ${answered}`,
      /0 to 65535/,
    ],
    ['when it has 10,001 handles', `(loop (drop (call $stream)) (br 0)) ${exit}`, /at most 10000/],
    [
      'with 10,001 calls under way',
      `(loop (drop (call $after (i64.const 60000000000))) (br 0)) ${exit}`,
      /at most 10000/,
    ],
    [
      'when it waits for its own future',
      `(drop (call $future-read (i32.wrap_i64 (call $future)) (i32.const 0)))
       (i32.or (i32.const 2) (i32.shl (call $set-new) (i32.const 4)))`,
      /left to wait for/,
    ],
  ])('%s', async (_, code, reason) => {
    expect(await endOf(service(code))).toMatch(reason);
  });

  test('when it copies nothing to itself without end', async () => {
    const guest = service(`${stream}
      (drop (call $read ${reader} (i32.const 0) (i32.const 0)))
      (loop
        (drop (call $write ${writer} (i32.const 0) (i32.const 0)))
        (drop (call $cancel-read ${reader}))
        (drop (call $read ${reader} (i32.const 0) (i32.const 0)))
        (br 0))
      ${exit}`);
    using engine = new Engine({ limits: { cpuMsMax: 50 } });
    const { report } = await engine.run(engine.load(guest));
    expect(report.outcome).toBe('out-of-cpu');
  });

  test('when all it waits for is there at once, and others have their turns', async () => {
    const wait = '(i32.or (i32.const 2) (i32.shl (call $get) (i32.const 4)))';
    const guest = serviceGuest(`
      (func $again (result i32)
        (local $f i64) (local $writer i32)
        (local.set $f (call $future))
        (local.set $writer (i32.wrap_i64 (i64.shr_u (local.get $f) (i64.const 32))))
        (drop (call $future-write (local.get $writer) (i32.const 256)))
        (call $join (local.get $writer) (call $get))
        (call $future-close-reader (i32.wrap_i64 (local.get $f)))
        ${wait})
      ${handle('(call $set (call $set-new)) (call $again)')}
      ${callback('(call $future-close (local.get 1)) (call $again)')}`);
    using engine = new Engine({ limits: { cpuMsMax: 100 } });
    const small = engine.load('hello');
    const { report } = engine.begin(engine.load(guest), { siteKey: '/busy' });
    let isOver = false;
    const end = report.finally(() => {
      isOver = true;
    });
    let served = 0;
    for (; !isOver; served += 1) {
      expect((await engine.run(small, { siteKey: '/small' })).text).toBe('hello\n');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await end).outcome).toBe('out-of-cpu');
    expect(served).toBeGreaterThan(10);
  });

  test('when it yields without end', async () => {
    const guest = serviceGuest(`${handle('(i32.const 1)')} ${callback('(i32.const 1)')}`);
    using engine = new Engine({ limits: { cpuMsMax: 20, wallMsMax: 2_000 } });
    const { report } = await engine.run(engine.load(guest));
    expect(report.outcome).toMatch(/^out-of-/);
  });
});
