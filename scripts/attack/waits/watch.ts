/**
 * Loaded into the daemon before its own code (`--import`), by `npm run attack -- --waits` alone:
 * notes what each of Alice's requests comes to and when, and what else their threads do. Puts
 * itself around functions of the request road, so that the daemon itself pays nothing for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { PerformanceObserver } from 'node:perf_hooks';
import { threadName } from 'node:worker_threads';
import { openThreadClock } from '../../../src/engine/turn/thread-clock.ts';
import { firstField } from '../../../src/http/fields.ts';
import { visitField } from '../alice.ts';
import { machineMs } from '../watching/machine-clock.ts';
import { ownName, type ThreadWatch, watchOwnThread } from '../watching/own-thread.ts';
import type { Hold, Mark, ThreadWaits, Turn } from './report.ts';

/** Shorter stretches are left out. */
const toldMs = 0.3;
const toldMax = 200_000;

class SeenVisit {
  readonly number: number;
  readonly marks: Mark[] = [];

  constructor(number: number) {
    this.number = number;
  }

  note(step: string): void {
    this.marks.push([step, machineMs()]);
  }
}

class Watch implements ThreadWatch {
  readonly visits: SeenVisit[] = [];
  readonly current = new AsyncLocalStorage<SeenVisit>();
  readonly #holds: Hold[] = [];
  readonly #turns: Turn[] = [];
  readonly #collections: { readonly fromMs: number; readonly toMs: number }[] = [];
  readonly #readCpu = openThreadClock();
  /** The clock of the thread, of which collections are told, begins with it. */
  readonly #originMs = machineMs() - performance.now();
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      const fromMs = startTime + this.#originMs;
      this.#collections.push({ fromMs, toMs: fromMs + duration });
    }
  });
  #last = this.#look();
  isOver = false;

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#awaitTurn();
  }

  noteHold(hold: Hold): void {
    if (hold.toMs - hold.fromMs >= toldMs && this.#holds.length < toldMax) this.#holds.push(hold);
  }

  end(): ThreadWaits {
    this.isOver = true;
    this.#observer.disconnect();
    return {
      thread: ownName(),
      visits: this.visits,
      holds: this.#holds,
      turns: this.#turns,
      collections: this.#collections,
    };
  }

  #look() {
    const { active } = performance.eventLoopUtilization();
    return { cpuMs: this.#readCpu(), activeMs: active, atMs: machineMs() };
  }

  /** Without a reference it is called in each turn, and keeps none from waiting. */
  #awaitTurn(): void {
    setImmediate(() => this.#noteTurn()).unref();
  }

  #noteTurn(): void {
    if (this.isOver) return;
    const now = this.#look();
    const lengthMs = now.activeMs - this.#last.activeMs;
    const cpuMs = now.cpuMs - this.#last.cpuMs;
    if (lengthMs >= toldMs && this.#turns.length < toldMax) {
      this.#turns.push({ fromMs: now.atMs - lengthMs, toMs: now.atMs, cpuMs });
    }
    this.#last = now;
    this.#awaitTurn();
  }
}

/** What `act` of a class did before, and does still, is done within `around`. */
function surround<This extends object, A extends unknown[], R>(
  of: { readonly prototype: This },
  name: string,
  around: (self: This, act: () => R, args: A) => R,
): void {
  const prototype = of.prototype as Record<string, unknown>;
  const before = prototype[name];
  if (typeof before !== 'function') throw new TypeError(`Cannot watch: there is no ${name}`);
  prototype[name] = function (this: This, ...args: A): R {
    return around(this, () => before.apply(this, args), args);
  };
}

async function watchRoad(watch: Watch): Promise<void> {
  const { Gateway } = await import('../../../src/serve/road/gateway.ts');
  const { BareWire } = await import('../../../src/serve/bare/wire.ts');
  const { Http1Wire } = await import('../../../src/serve/http1/wire.ts');
  const { MountGuard } = await import('../../../src/outside/mount/mount-guard.ts');
  type Serve = Parameters<InstanceType<typeof Gateway>['serve']>;
  surround<object, Serve, Promise<void>>(Gateway, 'serve', (_self, act, [exchange]) => {
    const number = firstField(exchange.request.headers, visitField);
    if (number === undefined || watch.isOver) return act();
    const visit = new SeenVisit(Number(number));
    watch.visits.push(visit);
    visit.note('heard');
    return watch.current.run(visit, act);
  });
  const leaving = new WeakMap<object, SeenVisit>();
  for (const wire of [BareWire, Http1Wire]) {
    surround<object, unknown[], void>(wire, 'sendWhole', (self, act) => {
      const visit = watch.current.getStore();
      visit?.note('answer');
      if (visit !== undefined) leaving.set(self, visit);
      act();
    });
    surround<object, unknown[], void>(wire, 'depart', (self, act) => {
      act();
      leaving.get(self)?.note('written');
    });
  }
  type Operate = Parameters<InstanceType<typeof MountGuard>['run']>;
  surround<object, Operate, Promise<unknown>>(MountGuard, 'run', (_self, act, [, operation]) => {
    const visit = watch.current.getStore();
    if (visit === undefined) return act();
    visit.note(operation.name);
    return act().finally(() => visit.note(`${operation.name} done`));
  });
}

async function watchTurns(watch: Watch): Promise<void> {
  const { Scheduler } = await import('../../../src/engine/turn/scheduler.ts');
  const { Activation } = await import('../../../src/engine/run/activation.ts');
  const visits = new WeakMap<object, SeenVisit>();
  const begun = new WeakMap<object, number>();
  surround<object, [object], boolean>(Scheduler, 'tryEnter', (_self, act, [turn]) => {
    const visit = watch.current.getStore();
    if (visit !== undefined) visits.set(turn, visit);
    return act();
  });
  surround<object, [object, string], void>(Scheduler, 'enqueue', (_self, act, [turn, line]) => {
    visits.get(turn)?.note(`line of the ${line}`);
    act();
  });
  surround<object, unknown[], void>(Activation, 'onBegin', (self, act) => {
    begun.set(self, machineMs());
    visits.get(self)?.note('thread');
    act();
  });
  type Run = InstanceType<typeof Activation>;
  surround<Run, unknown[], void>(Activation, 'onLeave', (self, act) => {
    act();
    const fromMs = begun.get(self) ?? 0;
    watch.noteHold({ owner: self.shares.owner, fromMs, toMs: machineMs() });
    visits.get(self)?.note('left');
  });
}

if (threadName?.startsWith('serving thread') === true) {
  watchOwnThread('WATCHED_WAITS', async () => {
    const watch = new Watch();
    await watchRoad(watch);
    await watchTurns(watch);
    return watch;
  });
}
