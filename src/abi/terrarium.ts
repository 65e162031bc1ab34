/**
 * The Terrarium ABI, which Terrafirma served first: imports `env.hostcall_*`, entry `run`, one
 * call a request. A guest reads the request and builds up its reply by hostcalls; the reply is
 * sent when `run` has returned.
 */
import type { Limits } from '../config/config.ts';
import type { Abi, Binding, GuestHost, Hostcall, ImportTable, Run, RunEnd } from './abi.ts';
import { compilerImports } from './terrarium/compilers.ts';
import { dnsHostcalls } from './terrarium/dns.ts';
import { TerrariumGuest } from './terrarium/guest.ts';
import { judgeTerrarium } from './terrarium/judge.ts';
import { keyValueHostcalls } from './terrarium/keyvalue.ts';
import { miscHostcalls } from './terrarium/misc.ts';
import { mmHostcalls } from './terrarium/mm.ts';
import { outboundHostcalls } from './terrarium/outbound.ts';
import { pendingHostcalls } from './terrarium/pending.ts';
import { completeReply } from './terrarium/reply.ts';
import { requestHostcalls } from './terrarium/request.ts';
import { responseHostcalls } from './terrarium/response.ts';
import { TerrariumRun } from './terrarium/run.ts';

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

  /** Made when asked for, which is once: a guest that waits keeps only those it imports. */
  get imports(): ImportTable {
    return new Map([['env', listHostcalls(this.#guest)]]);
  }

  begin(run: Run): void {
    this.#guest.begin(new TerrariumRun(run, this.#limits));
  }

  /**
   * A guest that trapped after it had set a server error has said what it wanted to say: C guests
   * end like that. Any other trap leaves the exchange to the gateway. Throws TerrafirmaError
   * `reply-too-large`, `overloaded`.
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

/** All of them, in the order of the contract's families. */
function listHostcalls(guest: TerrariumGuest): ReadonlyMap<string, Hostcall> {
  return new Map(
    Object.entries({
      ...mmHostcalls(guest),
      ...requestHostcalls(guest),
      ...outboundHostcalls(guest),
      ...pendingHostcalls(guest),
      ...responseHostcalls(guest),
      ...keyValueHostcalls(guest),
      ...dnsHostcalls(guest),
      ...miscHostcalls(guest),
      ...compilerImports(guest),
    }),
  );
}
