/**
 * Handlers of http-wasm (https://http-wasm.io/http-handler-abi/), which stand before others as
 * middleware. `handle_request` looks at the request, changes it, or answers; where it says so the
 * next handler has its turn, and `handle_response` looks at what came of it. One instance does both
 * for a request, and starts from its first state for the next.
 */
import { Buffer } from 'node:buffer';
import type { Limits } from '../config/config.ts';
import type { Abi, Binding, CallEntry, GuestFunction, GuestHost, Run, RunEnd } from './abi.ts';
import { bindHostcall, type Hostcall, type ImportName } from './hostcall.ts';
import { HandlerGuest } from './http-wasm/guest.ts';
import { judgeHandler, requestEntry, responseEntry } from './http-wasm/judge.ts';
import { HandlerRun } from './http-wasm/run.ts';
import { handlerTable } from './http-wasm/table.ts';
import type { WasiBeside, WasiSide } from './wasi-side.ts';

/** What compilers of programs call their start; a module with the other is called by that. */
const starts = { command: '_start', reactor: '_initialize' } as const;
const halfBits = 32;

export function createHttpWasmAbi(limits: Limits, wasi: WasiBeside): Abi {
  return {
    name: 'http-wasm',
    judge: (face) => judgeHandler(face, wasi),
    requestBody: 'streamed',
    bind: (host) => new HandlerBinding(host, limits, wasi.bind(host)),
  };
}

class HandlerBinding implements Binding {
  readonly #host: GuestHost;
  readonly #guest: HandlerGuest;
  readonly #limits: Limits;
  readonly #wasi: WasiSide;

  constructor(host: GuestHost, limits: Limits, wasi: WasiSide) {
    this.#host = host;
    this.#guest = new HandlerGuest(host, limits);
    this.#limits = limits;
    this.#wasi = wasi;
  }

  hostcall(wanted: ImportName): Hostcall | undefined {
    return bindHostcall(handlerTable, this.#guest, wanted) ?? this.#wasi.hostcall(wanted);
  }

  begin(run: Run): void {
    this.#guest.begin(new HandlerRun(run, this.#limits));
    this.#wasi.begin(run, {
      listArguments: () => [run.capabilities.settings.modulePath],
      listEnvironment: () => listEnvironment(run),
    });
  }

  /** The program's start belongs to the run: it reads its configuration, which is the folder's. */
  async enter(call: CallEntry): Promise<void> {
    const host = this.#host;
    if (host.exportedFunction(starts.reactor) === undefined) {
      const start = host.exportedFunction(starts.command);
      if (start !== undefined) await call(start);
    }
    const answered = BigInt.asUintN(64, BigInt((await call(this.#entry(requestEntry))) ?? 0n));
    if (BigInt.asUintN(halfBits, answered) === 0n) return;
    const { run } = this.#guest;
    const going = run.goOn();
    if (going === undefined) return;
    await host.wait(going);
    const hasFailed = run.failure !== undefined;
    const context = Number(BigInt.asIntN(halfBits, answered >> BigInt(halfBits)));
    await call(this.#entry(responseEntry), context, hasFailed ? 1 : 0);
  }

  /** @throws TerrafirmaError where there is no answer */
  finish(end: RunEnd): void {
    const { run } = this.#guest;
    if (run.exchange.replyState !== 'none') return;
    if (end.kind === 'returned') run.answer();
    else if (run.failure !== undefined) throw run.failure;
  }

  release(): void {
    this.#wasi.release();
    this.#guest.release();
  }

  #entry(name: string): GuestFunction {
    return this.#host.exportedFunction(name) ?? this.#host.trap(`the module has no export ${name}`);
  }
}

/** `NAME=value`, one character a byte. */
function listEnvironment({ capabilities }: Run): readonly string[] {
  return Array.from(capabilities.settings.environment, ([name, value]) =>
    Buffer.from(`${name}=${value.replaceAll('\0', '')}`, 'utf8').toString('latin1'),
  );
}
