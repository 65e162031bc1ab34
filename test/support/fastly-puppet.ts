/**
 * The puppet of Fastly Compute: a program that exports every function it imports, as
 * `fastly_http_req.new`, so that a test can make one call with any arguments through a real
 * instance, and look at linear memory on both sides of a write.
 */
import type { HostMemory, RunEnd, WasmValue } from '../../src/abi/abi.ts';
import { fastlyModules } from '../../src/abi/fastly/table.ts';
import { createFastlyAbi } from '../../src/abi/fastly.ts';
import { faceOf } from '../../src/abi/hostcall.ts';
import { createWasiBeside } from '../../src/abi/wasip1/beside.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import type { RequestHead } from '../../src/http/message.ts';
import { AbiHost } from './abi-host.ts';
import { assemble } from './abi-puppet.ts';
import { World } from './abi-world.ts';
import { FastlyExchange } from './fastly-exchange.ts';

export const MASK = 0xaa;
/** Bytes of the puppet's memory: the first address outside. */
export const END = 65_536;
/** Where `give…` of this file let the host write. */
const OUT = 60_000;
const ROOM = 32_768;
const ROOM_BYTES = 16_384;

export interface FastlyPuppetOptions {
  readonly request?: Partial<RequestHead>;
  /** `later`: the test pushes it to `exchange.arriving`. */
  readonly body?: string | 'later';
  readonly world?: World;
  readonly limits?: Partial<Limits>;
  readonly hostMemory?: HostMemory;
}

/** What a function gave into a room. */
export interface Given {
  readonly status: number;
  readonly text: string;
  readonly written: number;
  /** Of lists: the place of the next. */
  readonly next?: number;
}

export class FastlyPuppet {
  readonly host: AbiHost;
  readonly world: World;
  exchange: FastlyExchange;
  readonly #options: FastlyPuppetOptions;

  constructor(wasm: Uint8Array, options: FastlyPuppetOptions) {
    this.#options = options;
    this.world = options.world ?? new World();
    this.world.settings = { ...this.world.settings, modulePath: 'app.wasm' };
    const limits = { ...defaultLimits, ...options.limits };
    this.host = new AbiHost(wasm, {
      limits,
      world: this.world,
      wrapAbi: () => createFastlyAbi(limits, createWasiBeside(limits)),
    });
    this.exchange = this.begin();
    this.bytes.fill(MASK);
  }

  /** The next run of the same instance. */
  begin(): FastlyExchange {
    const { request, body, hostMemory } = this.#options;
    this.exchange = new FastlyExchange(request, body);
    this.host.binding.begin({
      exchange: this.exchange,
      capabilities: this.world,
      body: new Uint8Array(0),
      hostMemory,
    });
    return this.exchange;
  }

  /** The entry ended. */
  end(end: RunEnd = { kind: 'returned' }): void {
    this.host.binding.finish(end);
    this.host.binding.release();
  }

  get bytes(): Buffer {
    return this.host.bytes;
  }

  /** The status of one call. */
  async call(name: string, ...args: readonly (WasmValue | string)[]): Promise<number> {
    let at = 1_000;
    const values = args.flatMap((arg) => {
      if (typeof arg !== 'string') return [arg];
      const placed = this.put(at, arg);
      at += placed[1] + 8;
      return [...placed];
    });
    return Number(await this.host.call(name, ...values));
  }

  /** Calls a function whose last argument is where one number goes; gives that. */
  async number(name: string, ...args: readonly (WasmValue | string)[]): Promise<number> {
    const status = await this.call(name, ...args, OUT);
    if (status !== 0) throw new Error(`${name}: status ${status}`);
    return this.u32(OUT);
  }

  /** Calls a function that ends in a room for one value. */
  async value(name: string, ...args: readonly (WasmValue | string)[]): Promise<Given> {
    return this.valueIn(ROOM_BYTES, name, ...args);
  }

  async valueIn(
    len: number,
    name: string,
    ...args: readonly (WasmValue | string)[]
  ): Promise<Given> {
    this.bytes.fill(MASK, ROOM, OUT + 16);
    const status = await this.call(name, ...args, ROOM, len, OUT);
    const written = this.u32(OUT);
    return { status, written, text: status === 0 ? this.text(ROOM, written) : '' };
  }

  /** Calls a function that ends in a room for several values. */
  async list(
    name: string,
    args: readonly (WasmValue | string)[],
    more: { readonly len?: number; readonly cursor?: number } = {},
  ): Promise<Given> {
    const { len = ROOM_BYTES, cursor = 0 } = more;
    this.bytes.fill(MASK, ROOM, OUT + 16);
    const status = await this.call(name, ...args, ROOM, len, cursor, OUT + 8, OUT);
    const written = this.u32(OUT);
    const next = Number(this.bytes.readBigInt64LE(OUT + 8));
    return { status, written, next, text: status === 0 ? this.text(ROOM, written) : '' };
  }

  /** The visitor's request and its body. */
  async downstream(): Promise<{ readonly request: number; readonly body: number }> {
    const status = await this.call('fastly_http_req.body_downstream_get', OUT, OUT + 4);
    if (status !== 0) throw new Error(`status ${status}`);
    return { request: this.u32(OUT), body: this.u32(OUT + 4) };
  }

  /** A body with `text` in it. */
  async body(text = ''): Promise<number> {
    const body = await this.number('fastly_http_body.new');
    if (text !== '') await this.number('fastly_http_body.write', body, text, 0);
    return body;
  }

  /** All of a body, or of what is there of it. */
  async read(body: number, len = 8_192): Promise<string> {
    const status = await this.call('fastly_http_body.read', body, ROOM, len, OUT);
    if (status !== 0) throw new Error(`status ${status}`);
    return this.text(ROOM, this.u32(OUT));
  }

  /** Puts `text` into memory; its address and length. */
  put(ptr: number, text: string | Uint8Array): readonly [number, number] {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : Buffer.from(text);
    bytes.copy(this.bytes, ptr);
    return [ptr, bytes.length];
  }

  u32(ptr: number): number {
    return this.bytes.readUInt32LE(ptr);
  }

  text(ptr: number, len: number): string {
    return this.bytes.toString('latin1', ptr, ptr + len);
  }
}

export async function createFastlyPuppet(options: FastlyPuppetOptions = {}): Promise<FastlyPuppet> {
  return new FastlyPuppet(await assemble(puppetText()), options);
}

function puppetText(): string {
  const imports: string[] = [];
  const exports: string[] = [];
  for (const [module, functions] of fastlyModules) {
    for (const [name, facts] of functions) {
      const params = `(param ${faceOf(facts).params.join(' ')})`;
      const gets = faceOf(facts).params.map((_, index) => `(local.get ${index})`);
      const own = `$${module}.${name}`;
      imports.push(`(import "${module}" "${name}" (func ${own} ${params} (result i32)))`);
      // A function that is exported as it is could not be suspended: each has one around it.
      const call = `(call ${own} ${gets.join(' ')})`;
      exports.push(`(func (export "${module}.${name}") ${params} (result i32) ${call})`);
    }
  }
  const memory = '(memory (export "memory") 1)';
  return `(module ${[...imports, memory, ...exports].join('\n')} (func (export "_start")))`;
}
