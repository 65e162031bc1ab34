/**
 * The Terrarium ABI, which Terrafirma served first: imports `env.hostcall_*`, entry `run`, one
 * call a request. A guest reads the request and builds up its reply by hostcalls; the reply is
 * sent when `run` has returned.
 */
import type { Limits } from '../config/config.ts';
import type { Abi, Binding, EarlyCapabilities, GuestHost, Run, RunEnd } from './abi.ts';
import { bindHostcall, type Hostcall, type ImportName } from './hostcall.ts';
import { TerrariumGuest } from './terrarium/guest.ts';
import { judgeTerrarium } from './terrarium/judge.ts';
import { completeReply } from './terrarium/reply.ts';
import { TerrariumRun } from './terrarium/run.ts';
import { terrariumTable } from './terrarium/table.ts';

const serverErrorMin = 500;

export function createTerrariumAbi(limits: Limits): Abi {
  return {
    name: 'terrarium',
    judge: judgeTerrarium,
    requestBody: 'whole',
    bind: (host) => new TerrariumBinding(host, limits),
  };
}

class TerrariumBinding implements Binding {
  readonly #guest: TerrariumGuest;
  readonly #limits: Limits;

  constructor(host: GuestHost, limits: Limits) {
    this.#limits = limits;
    this.#guest = new TerrariumGuest(host, limits);
  }

  hostcall(wanted: ImportName): Hostcall | undefined {
    return bindHostcall(terrariumTable, this.#guest, wanted);
  }

  prepare(capabilities: EarlyCapabilities): void {
    this.#guest.prepare(capabilities);
  }

  begin(run: Run): void {
    this.#guest.begin(new TerrariumRun(run, this.#limits));
  }

  /**
   * A guest that trapped after it had set a server error has said what it wanted to say: C guests
   * end like that. Any other trap leaves the exchange to the gateway.
   *
   * @throws TerrafirmaError `reply-too-large`, `overloaded`
   */
  finish(end: RunEnd): void {
    const { exchange, reply, hostMemory } = this.#guest.run;
    if (exchange.replyState !== 'none') return;
    if (end.kind !== 'returned' && (reply.status ?? 0) < serverErrorMin) return;
    const { head, body } = completeReply(reply);
    // From here on it is the exchange's.
    hostMemory?.release(reply.heldBytes);
    reply.heldBytes = 0;
    exchange.send(head, body);
  }

  release(): void {
    this.#guest.release();
  }
}
