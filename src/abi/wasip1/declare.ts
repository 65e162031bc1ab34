/**
 * How this ABI's hostcalls are declared. Nearly all answer an errno: their function gives what it
 * gives through addresses, and throws WasiError for what the program is to be told.
 */
import {
  type ArgumentsOf,
  type DeclaredHostcall,
  declaring,
  type HostcallFacts,
  type Value,
} from '../hostcall.ts';
import { errnoNames } from '../objects/files/errno.ts';
import { toErrno, type WasiGuest, type Work } from './guest.ts';

/** A function without an errno. */
export const hostcall = declaring<WasiGuest>();

interface Answering<P extends readonly Value[], T> extends Pick<HostcallFacts, 'name' | 'meaning'> {
  readonly params: P;
  readonly act: (guest: WasiGuest, ...args: ArgumentsOf<P>) => T;
}

type Act<T> = (guest: WasiGuest, ...args: never[]) => T;

interface Counted<T> {
  readonly act: Act<T>;
  /** Of the parameters. */
  readonly count: number;
}

const errnoAlone = [['errno', 'errno']] as const satisfies readonly Value[];
/** Arguments of a hostcall that is called without an array of them. */
const shortLength = 5;

/** A hostcall that never waits. */
export function answering<const P extends readonly Value[]>(
  hostcall: Answering<P, void>,
): DeclaredHostcall<WasiGuest> {
  const act = hostcall.act as unknown as Act<void>;
  const count = hostcall.params.length;
  return { ...factsOf(hostcall), waits: false, call: (guest) => answer(guest, { act, count }) };
}

/**
 * The same for one that programs call until they are told no, in every run: it answers the errno,
 * because an exception through the host's own functions costs as much as ten hostcalls.
 */
export function telling<const P extends readonly Value[]>(
  hostcall: Answering<P, number>,
): DeclaredHostcall<WasiGuest> {
  const act = hostcall.act as unknown as Act<number>;
  const count = hostcall.params.length;
  return { ...factsOf(hostcall), waits: false, call: (guest) => tell(guest, { act, count }) };
}

/**
 * A hostcall that may wait, or does much in steps; when it has its answer at once, the guest is not
 * suspended.
 */
export function waiting<const P extends readonly Value[]>(
  hostcall: Answering<P, Work>,
): DeclaredHostcall<WasiGuest> {
  const act = hostcall.act as unknown as Act<Work>;
  const count = hostcall.params.length;
  return { ...factsOf(hostcall), waits: true, call: (guest) => answerWork(guest, { act, count }) };
}

/** Each stands in the specification under its own name. */
function factsOf({ name, params, meaning }: Pick<HostcallFacts, 'name' | 'params' | 'meaning'>) {
  const resultNames = errnoNames;
  return { name, params, results: errnoAlone, resultNames, meaning, spec: `#${name}` };
}

function answer(guest: WasiGuest, { act, count }: Counted<void>): (...args: never[]) => number {
  const call = (a: never, b: never, c: never, d: never, e: never): number => {
    try {
      act(guest, a, b, c, d, e);
      return 0;
    } catch (error) {
      return toErrno(error);
    }
  };
  if (count <= shortLength) return call;
  return (...args) => answer(guest, { act: () => act(guest, ...args), count: 0 })();
}

function tell(guest: WasiGuest, { act, count }: Counted<number>): (...args: never[]) => number {
  const call = (a: never, b: never, c: never, d: never, e: never): number => {
    try {
      return act(guest, a, b, c, d, e);
    } catch (error) {
      return toErrno(error);
    }
  };
  if (count <= shortLength) return call;
  return (...args) => tell(guest, { act: () => act(guest, ...args), count: 0 })();
}

type Answer = ReturnType<WasiGuest['answerWork']>;

function answerWork(guest: WasiGuest, { act, count }: Counted<Work>): (...args: never[]) => Answer {
  const call = (a: never, b: never, c: never, d: never, e: never): Answer => {
    const { process } = guest;
    try {
      return guest.answerWork(process, act(guest, a, b, c, d, e));
    } catch (error) {
      return toErrno(error);
    }
  };
  if (count <= shortLength) return call;
  return (...args) => answerWork(guest, { act: () => act(guest, ...args), count: 0 })();
}
