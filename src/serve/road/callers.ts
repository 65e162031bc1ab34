/**
 * Runs of this thread that have sent requests, by the names that these say. A request that comes
 * back, however far it has gone, must not wait for a seat that only they could give back.
 */
import type { BlockedRuns } from '../../capability/fetch/blocked-runs.ts';
import type { NamedCaller } from '../../capability/fetch/run-fetch.ts';
import type { Visits } from '../../capability/fetch/visits.ts';
import { LinkedRequest } from '../../engine/supply/linked-request.ts';

/** A run, as far as it matters here. */
interface Sending {
  link(): LinkedRequest;
}

export interface CallersOptions {
  readonly visits: Pick<Visits, 'newName'>;
  readonly blocked: BlockedRuns;
}

interface Known {
  readonly request: LinkedRequest;
  readonly isBlocked: () => boolean;
}

export class Callers {
  readonly #options: CallersOptions;
  /** As many as there are runs under way. */
  readonly #known = new Map<string, Known>();

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /** To be closed when the run has ended. */
  of(run: Sending): Caller {
    return new Caller(this, run);
  }

  /**
   * A request of those runs has come.
   *
   * @param request What stands for it, where there is something already.
   */
  receive(names: readonly string[], request = new LinkedRequest()): LinkedRequest {
    if (request.hasCallers) return request;
    const { blocked } = this.#options;
    const here = names.flatMap((name) => this.#known.get(name)?.request ?? []);
    const elsewhere = names.filter((name) => !this.#known.has(name) && blocked.isUnderWay(name));
    request.comeFrom(here, (isWaiting) => {
      for (const name of elsewhere) {
        if (isWaiting) blocked.add(name);
        else blocked.delete(name);
      }
    });
    return request;
  }

  add(request: LinkedRequest): string {
    const { blocked, visits } = this.#options;
    const name = visits.newName();
    const isBlocked = (): boolean => blocked.has(name);
    request.lookElsewhere(isBlocked);
    blocked.begin(name);
    this.#known.set(name, { request, isBlocked });
    return name;
  }

  delete(name: string): void {
    const known = this.#known.get(name);
    if (known === undefined) return;
    this.#known.delete(name);
    known.request.forgetElsewhere(known.isBlocked);
    this.#options.blocked.end(name);
  }
}

/** One run, which has a name as soon as it sends something. */
class Caller implements NamedCaller {
  readonly #callers: Callers;
  readonly #run: Sending;
  #name: string | undefined;

  constructor(callers: Callers, run: Sending) {
    this.#callers = callers;
    this.#run = run;
  }

  name(): string {
    this.#name ??= this.#callers.add(this.#run.link());
    return this.#name;
  }

  close(): void {
    if (this.#name !== undefined) this.#callers.delete(this.#name);
  }
}
