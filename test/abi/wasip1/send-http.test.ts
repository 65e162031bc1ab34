import { describe, expect, test } from 'vitest';
import { Collected, noInput } from '../../../scripts/conformance/wasi/case.ts';
import { WasiHost } from '../../../scripts/conformance/wasi/host.ts';
import { judgeWasip1 } from '../../../src/abi/wasip1/judge.ts';
import { WasiProcess } from '../../../src/abi/wasip1/process.ts';
import { CapabilityRefusal } from '../../../src/capability/refusal.ts';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { faceOf } from '../../support/abi-host.ts';
import { assemble } from '../../support/abi-puppet.ts';
import { Gate, outboundReply, World } from '../../support/abi-world.ts';

const PARAMS = 'i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32';
const RESULT = 60_000;
const URL_TEXT = 'https://example.test/x?y';
/** Allocates upwards from 16 KiB; below is the test's own. */
const GUEST = `(module
  (import "http" "send-http-request" (func $send (param ${PARAMS})))
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 16384))
  (func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get 3))))
  (func (export "send") (param ${PARAMS})
    ${Array.from({ length: 11 }, (_, index) => `(local.get ${index})`).join(' ')} (call $send)))`;

class Sender {
  readonly world = new World();
  readonly host: WasiHost;

  private constructor(wasm: Uint8Array) {
    this.host = new WasiHost(wasm);
    const process = new WasiProcess({
      listArguments: () => [],
      listEnvironment: () => [],
      stdin: noInput,
      stdout: new Collected(),
      stderr: new Collected(),
      openPreopens: () => [],
      capabilities: this.world,
      descriptorsMax: 16,
    });
    this.host.guest.begin(process);
  }

  static async create(): Promise<Sender> {
    return new Sender(await assemble(GUEST));
  }

  put(at: number, text: string): readonly [number, number] {
    const bytes = Buffer.from(text);
    bytes.copy(this.host.bytes, at);
    return [at, bytes.length];
  }

  /** Sends a request to `URL_TEXT` with one header. */
  async send(more: { body?: string; method?: number; result?: number } = {}): Promise<void> {
    const header = [...this.put(1_000, 'X-Test'), ...this.put(1_100, 'value')];
    for (const [index, word] of header.entries()) {
      this.host.bytes.writeUInt32LE(word, 2_000 + index * 4);
    }
    const uri = this.put(3_000, URL_TEXT);
    const body = more.body === undefined ? [0, 0, 0] : [1, ...this.put(4_000, more.body)];
    const { method = 0, result = RESULT } = more;
    await this.host.call('send', ...body, 2_000, 1, method, 0, 0, ...uri, result);
  }

  u32(at: number): number {
    return this.host.bytes.readUInt32LE(at);
  }

  text(at: number): string {
    const ptr = this.u32(at);
    return this.host.bytes.toString('latin1', ptr, ptr + this.u32(at + 4));
  }
}

describe('http.send-http-request', () => {
  test('sends method, address, headers and body, and gives the answer', async () => {
    const sender = await Sender.create();
    const headers = [
      ['content-type', 'text/plain'],
      ['x-empty', ''],
    ] as const;
    const reply = outboundReply('the body', { status: 201, headers });
    sender.world.fetch.answer(URL_TEXT, async () => reply);
    await sender.send({ method: 1, body: 'posted' });
    const [request] = sender.world.fetch.sent;
    expect(request).toMatchObject({
      ...{ method: 'POST', url: URL_TEXT, headers: [['x-test', 'value']] },
      body: Uint8Array.from(Buffer.from('posted')),
    });
    expect([sender.host.bytes[RESULT], sender.host.bytes[RESULT + 4]]).toEqual([0, 1]);
    expect(sender.text(RESULT + 8)).toBe('the body');
    expect(sender.u32(RESULT + 20)).toBe(2);
    const list = sender.u32(RESULT + 16);
    expect(list % 4).toBe(0);
    const names = [0, 8, 16, 24].map((at) => sender.text(list + at));
    expect(names).toEqual(['content-type', 'text/plain', 'x-empty', '']);
    expect(sender.host.bytes.readUInt16LE(RESULT + 24)).toBe(201);
  });

  test.each([
    ['GET', 0],
    ['PUT', 2],
    ['PATCH', 3],
    ['DELETE', 4],
    ['OPTIONS', 5],
    ['HEAD', 6],
  ])('%s is %i', async (method, number) => {
    const sender = await Sender.create();
    sender.world.fetch.answer(URL_TEXT, async () => outboundReply(''));
    await sender.send({ method: number });
    expect(sender.world.fetch.sent[0]?.method).toBe(method);
    expect(sender.u32(RESULT + 12)).toBe(0);
  });

  test.each([
    ['input', 0],
    ['forbidden', 3],
    ['limit', 3],
    ['connection', 4],
    ['timeout', 5],
  ] as const)('a failure of kind %s is error %i, with its sentence', async (kind, code) => {
    const sender = await Sender.create();
    sender.world.fetch.answer(URL_TEXT, async () => {
      throw new CapabilityRefusal(kind, 'Cannot fetch: no');
    });
    await sender.send();
    expect([sender.host.bytes[RESULT], sender.host.bytes[RESULT + 4]]).toEqual([1, code]);
    expect(sender.text(RESULT + 8)).toBe('Cannot fetch: no');
  });

  test('a method that is none is an invalid request', async () => {
    const sender = await Sender.create();
    await sender.send({ method: 7 });
    expect([sender.host.bytes[RESULT], sender.host.bytes[RESULT + 4]]).toEqual([1, 0]);
    expect(sender.world.fetch.sent).toEqual([]);
  });

  test('addresses outside memory trap', async () => {
    const sender = await Sender.create();
    await expect(sender.send({ result: 0x7fff_ffff })).rejects.toThrow('must lie in memory');
  });

  test('a run that ends gives its request up', async () => {
    const sender = await Sender.create();
    const gate = new Gate();
    sender.world.fetch.answer(URL_TEXT, gate.wait);
    void sender.send();
    await Promise.resolve();
    sender.host.guest.release();
    expect(sender.world.fetch.signals[0]?.aborted).toBe(true);
  });

  test('needs an allocator for the answer', async () => {
    const face = faceOf(await assemble(GUEST.replace('canonical_abi_realloc', 'other')));
    const start = { name: '_start', kind: 'function', type: { params: [], results: [] } } as const;
    const verdict = judgeWasip1({ ...face, exports: [...face.exports, start] });
    expect(verdict).toMatchObject({ kind: 'refused' });
    expect(verdict).toMatchObject({
      reason: expect.stringContaining('no export `canonical_abi_realloc`'),
    });
    const whole = faceOf(await assemble(GUEST));
    expect(judgeWasip1({ ...whole, exports: [...whole.exports, start] })).toEqual({
      ...{ kind: 'speaks', entry: '_start' },
    });
    expect(inspectModule(await assemble(GUEST)).imports).toHaveLength(1);
  });
});
