/**
 * How this ABI's hostcalls are declared. All answer a status: their function gives what it gives
 * through addresses, returns a status or nothing, which is `ok`, or throws; see `failures.ts`.
 */
import {
  type ArgumentsOf,
  type DeclaredHostcall,
  declaring,
  type HostcallFacts,
  type Value,
} from '../hostcall.ts';
import type { FastlyGuest } from './guest.ts';
import { type Given, type Later, type Status, status, statusNames } from './status.ts';

export const declare = declaring<FastlyGuest>();

interface Answering<P extends readonly Value[], T> {
  readonly name: string;
  readonly params: P;
  /** The section of docs/spec/fastly.md. */
  readonly spec: `#${string}`;
  /** One line for who reads the guide; left out where name and parameters say all. */
  readonly meaning?: string;
  readonly act: (guest: FastlyGuest, ...args: ArgumentsOf<P>) => T;
}

type Act<T> = (guest: FastlyGuest, ...args: never[]) => T;

const statusAlone = [['status', 'status']] as const satisfies readonly Value[];
/** Arguments of a hostcall that is called without an array of them. */
const shortLength = 5;

/** A hostcall that never waits. */
export function answering<const P extends readonly Value[]>(
  hostcall: Answering<P, Given>,
): DeclaredHostcall<FastlyGuest> {
  const act = hostcall.act as unknown as Act<Given>;
  const isShort = hostcall.params.length <= shortLength;
  return {
    ...factsOf(hostcall),
    waits: false,
    call: (guest) => (isShort ? answerShort(guest, act) : answerLong(guest, act)),
  };
}

/**
 * A hostcall that may wait, or does much in steps. With its answer at once the guest is not
 * suspended. Across a wait in steps nothing of memory may be kept; after a promise nothing of the
 * guest may be touched but through `FastlyGuest.waitFor`.
 */
export function waiting<const P extends readonly Value[]>(
  hostcall: Answering<P, Later>,
): DeclaredHostcall<FastlyGuest> {
  const act = hostcall.act as unknown as Act<Later>;
  return {
    ...factsOf(hostcall),
    waits: true,
    call:
      (guest) =>
      (...args: never[]) => {
        try {
          return guest.finishLater(act(guest, ...args));
        } catch (error) {
          return guest.fail(error);
        }
      },
  };
}

/** A function that nothing stands behind here. */
export function unsupported(
  name: string,
  spec: `#${string}`,
  params: readonly Value[],
): DeclaredHostcall<FastlyGuest> {
  return constant({ name, spec, params, meaning: 'answers `unsupported`' }, status.unsupported);
}

/** A function about something that is never there here. */
export function absent(
  name: string,
  spec: `#${string}`,
  params: readonly Value[],
): DeclaredHostcall<FastlyGuest> {
  return constant({ name, spec, params, meaning: 'answers `none`' }, status.none);
}

function constant(
  facts: Omit<Answering<readonly Value[], Given>, 'act'>,
  answer: Status,
): DeclaredHostcall<FastlyGuest> {
  return { ...factsOf(facts), waits: false, call: () => () => answer };
}

function factsOf({
  name,
  params,
  spec,
  meaning = '',
}: Omit<Answering<readonly Value[], unknown>, 'act'>): Omit<HostcallFacts, 'waits'> {
  return { name, params, results: statusAlone, resultNames: statusNames, meaning, spec };
}

function answerShort(guest: FastlyGuest, act: Act<Given>) {
  return (a: never, b: never, c: never, d: never, e: never): Status => {
    try {
      return act(guest, a, b, c, d, e) ?? status.ok;
    } catch (error) {
      return guest.fail(error);
    }
  };
}

function answerLong(guest: FastlyGuest, act: Act<Given>) {
  return (...args: never[]): Status => {
    try {
      return act(guest, ...args) ?? status.ok;
    } catch (error) {
      return guest.fail(error);
    }
  };
}

/** Text, and its length. */
export function text<const N extends string>(name: N) {
  return [
    [name, 'text'],
    [`${name}_len`, 'length'],
  ] as const satisfies readonly Value[];
}

/** Bytes that are no text, and their length. */
export function bytes<const N extends string>(name: N, lengthName: string = `${name}_len`) {
  return [
    [name, 'bytes'],
    [lengthName, 'length'],
  ] as const satisfies readonly Value[];
}

/** Handles, and how many. */
export function handles<const N extends string>(name: N) {
  return [
    [name, 'handles'],
    [`${name}_len`, 'count'],
  ] as const satisfies readonly Value[];
}

/** Room for one text, its length, and where the length of what was put there goes. */
export function room<const N extends string>(name: N) {
  return [
    [name, 'text_room'],
    [`${name}_len`, 'length'],
    ['nw_out', 'out_filled'],
  ] as const satisfies readonly Value[];
}

/** The same for what is no text, or a secret: a trace does not show it. */
export function bytesRoom<const N extends string>(name: N) {
  return [
    [name, 'room'],
    [`${name}_len`, 'length'],
    ['nw_out', 'out_filled'],
  ] as const satisfies readonly Value[];
}

/** Room for several values from a cursor on; see `FastlyGuest.giveValues`. */
export const listRoom = [
  ['buf', 'text_room'],
  ['buf_len', 'length'],
  ['cursor', 'number'],
  ['next_out', 'out_signed64'],
  ['nw_out', 'out_filled'],
] as const satisfies readonly Value[];
