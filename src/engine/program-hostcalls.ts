/**
 * What the cores of one program import of the host's: functions that are the same for all its
 * instances, made with the first of them. What such a function does for one instance is made when
 * the instance first calls it: of fifty imports a request calls a few.
 */
import { type CoreFace, faceOf, type Hostcall, type HostcallFacts } from '../abi/hostcall.ts';
import type { CrossingCall, Crossings, HostFunction, Served } from './crossings.ts';
import type { CoreImport } from './program-shared.ts';

/** A run that makes a hostcall. */
export interface Calling extends Served {
  endByError(error: unknown): WebAssembly.RuntimeError;
}

/** The hostcalls of one instance. */
export interface HostcallPort {
  /** Of whose functions these are. */
  readonly program: ProgramHostcalls;
  /** @throws where the run has not the thread, is over, or may make no such hostcall now */
  enter(isOpenWithin: boolean): Calling;
  find(hostcall: ProgramHostcall): HostFunction;
  /** What the guest is answered. @throws past the budget */
  leave(run: Calling, answer: unknown, waits: boolean): unknown;
}

export interface ProgramHostcallsOptions {
  readonly crossings: Crossings;
  readonly scheduler: {
    readonly current: { readonly instance: Pick<PortOwner, 'port'> | undefined } | undefined;
  };
  readonly trap: WebAssembly.RuntimeError;
}

export interface PortOwner {
  readonly port: HostcallPort;
}

/** One hostcall, however often cores of the program import it. */
export interface ProgramHostcall {
  /** As one of them imports it. */
  readonly wanted: CoreImport;
  readonly waits: boolean;
  readonly isOpenWithin: boolean;
  /** Of its function. */
  readonly length: number;
  /** The type to import it with, where that is known. */
  readonly face: CoreFace | undefined;
  /** Among the functions of an instance; no place until an instance has called it. */
  place: number;
  /** For all instances; undefined where each has its own. */
  shared: WebAssembly.ImportValue | undefined;
}

/** One import. */
export interface ImportedHostcall {
  readonly wanted: CoreImport;
  readonly hostcall: ProgramHostcall;
}

/** No instance has so many functions. */
const noPlace = 0x3fff_ffff;
/**
 * Of one core; more hostcalls has no ABI of today. Each has a function of its own in V8, some 700
 * bytes that are nobody's: a small file can have a core with a thousand imports made 128 times, of
 * the same few.
 */
const sharedMax = 2_000;
/** Parameters of a hostcall that is called without an array of its arguments. */
const shortLength = 5;

export class ProgramHostcalls {
  /** Whether the functions fit: of a type that stands in a group with others none does. */
  areShared = true;
  /** Whether there is one that each instance has for itself, which V8 suspends it in. */
  #hasOwn = false;
  readonly #options: ProgramHostcallsOptions;
  /** By core. */
  readonly #known: (readonly ImportedHostcall[])[] = [];
  readonly #byFacts = new Map<HostcallFacts, ProgramHostcall>();
  #placeCount = 0;

  constructor(options: ProgramHostcallsOptions) {
    this.#options = options;
  }

  /** Whether guests are suspended only where they wait, once an instance was made. */
  get areAllShared(): boolean {
    return this.areShared && !this.#hasOwn;
  }

  /** @param bind As `Binding.hostcall` of an instance, which all others are like. */
  of(
    wanted: readonly CoreImport[],
    core: number,
    bind: (wanted: CoreImport) => Hostcall | undefined,
  ): readonly ImportedHostcall[] {
    this.#known[core] ??= this.#make(wanted, bind);
    return this.#known[core];
  }

  /** The one that has the thread, of this program. @throws the trap where there is none */
  get port(): HostcallPort {
    const port = this.#options.scheduler.current?.instance?.port;
    // As in the meter: no guest may run on nobody's account, or on another's.
    if (port === undefined || port.program !== this) throw this.#options.trap;
    return port;
  }

  /** Where an instance keeps the function of one that is called for the first time. */
  place(hostcall: ProgramHostcall): number {
    if (hostcall.place === noPlace) {
      hostcall.place = this.#placeCount;
      this.#placeCount += 1;
    }
    return hostcall.place;
  }

  /** For an instance that shares no functions with others. */
  openFor(port: HostcallPort, hostcall: ProgramHostcall): WebAssembly.ImportValue {
    const call = guard({ port }, hostcall);
    return hostcall.waits ? this.#options.crossings.suspending(call) : call;
  }

  #make(
    wanted: readonly CoreImport[],
    bind: (wanted: CoreImport) => Hostcall | undefined,
  ): readonly ImportedHostcall[] {
    const all: ImportedHostcall[] = [];
    const added: ProgramHostcall[] = [];
    for (const each of wanted) {
      const bound = bind(each);
      if (bound === undefined) continue;
      const known = bound.facts && this.#byFacts.get(bound.facts);
      const hostcall = known ?? describe(each, bound);
      all.push({ wanted: each, hostcall });
      if (known !== undefined) continue;
      added.push(hostcall);
      if (bound.facts !== undefined) this.#byFacts.set(bound.facts, hostcall);
    }
    const calls = added.slice(0, sharedMax).flatMap((hostcall) => this.#callsOf(hostcall));
    const shared = this.#options.crossings.open(calls);
    for (const [at, { hostcall }] of calls.entries()) hostcall.shared = shared[at];
    this.#hasOwn ||= all.some(({ hostcall }) => hostcall.shared === undefined);
    return all;
  }

  #callsOf(hostcall: ProgramHostcall): readonly (CrossingCall & Shared)[] {
    const { face, waits } = hostcall;
    return face === undefined ? [] : [{ hostcall, face, waits, call: guard(this, hostcall) }];
  }
}

interface Shared {
  readonly hostcall: ProgramHostcall;
}

function describe(wanted: CoreImport, hostcall: Hostcall): ProgramHostcall {
  const { facts, waits, isOpenWithin = false, call } = hostcall;
  const face = facts?.core ?? (facts && faceOf(facts));
  const { length } = call;
  return { wanted, waits, isOpenWithin, length, face, place: noPlace, shared: undefined };
}

/**
 * Every way out of a hostcall is a result or the one trap: guests can catch anything else. Called
 * without an array of the arguments where it can be: nearly all have so few, and take no notice of
 * those they do not have.
 */
function guard(of: PortOwner, hostcall: ProgramHostcall): HostFunction {
  const { waits, isOpenWithin, length } = hostcall;
  if (length === 0 || length > shortLength) {
    return (...args) => {
      const { port } = of;
      const run = port.enter(isOpenWithin);
      try {
        return port.leave(run, port.find(hostcall)(...args), waits);
      } catch (error) {
        throw run.endByError(error);
      }
    };
  }
  return (a, b, c, d, e) => {
    const { port } = of;
    const run = port.enter(isOpenWithin);
    try {
      return port.leave(run, port.find(hostcall)(a, b, c, d, e), waits);
    } catch (error) {
      throw run.endByError(error);
    }
  };
}
