/**
 * How an ABI declares a hostcall: once, beside its function. From the declaration follow the type
 * that a module must import it with, the function that is linked, the tables of docs/guests and
 * what a trace shows of a call.
 */
import type { CrossingOptions } from '../wasm/component/plan.ts';
import type { FuncType } from '../wasm/component/types.ts';
import type { Steps } from './steps.ts';

/**
 * What a parameter or result is, and how WebAssembly passes it. Two parameters that belong together
 * stand side by side: an address and its length or count.
 */
const wasmTypes = {
  /** A number without a sign. */
  number: 'i32',
  signed: 'i32',
  /** 0 or 1. */
  flag: 'i32',
  /** Bits. */
  flags: 'i32',
  /** Names an object of the host. */
  handle: 'i32',
  /** A descriptor of WASI. */
  fd: 'i32',
  /** An entry of the guest's table. */
  index: 'i32',
  /** Bytes of what the parameter before it points at. */
  length: 'i32',
  /** Items of what the parameter before it points at. */
  count: 'i32',
  /** Address of text; its length follows. */
  text: 'i32',
  /** Address of bytes that are no text; their length follows. */
  bytes: 'i32',
  /** Address of slices, an address and a length each; their count follows. */
  list: 'i32',
  /** Address of handles; their count follows. */
  handles: 'i32',
  /** Address of slices to write from, in order; their count follows. */
  sources: 'i32',
  /** Address of slices to fill, in order; their count follows. */
  targets: 'i32',
  /** Address of room for what the host gives; its length follows. */
  room: 'i32',
  /** The same for text that is no secret. */
  text_room: 'i32',
  /** Address of an address: the host stores there where its text is; `out_length` follows. */
  out_text: 'i32',
  /** The same for bytes that are no text. */
  out_bytes: 'i32',
  /** The same for slices of text. */
  out_list: 'i32',
  /** The same for slices of addresses of the Internet, 4 or 16 bytes each. */
  out_addresses: 'i32',
  /** Address of the length or count of the parameter before it. */
  out_length: 'i32',
  /** Address of a u32 that the host writes. */
  out_number: 'i32',
  /** Address of a handle that the host writes. */
  out_handle: 'i32',
  /** Address of a descriptor that the host writes. */
  out_fd: 'i32',
  /** Address of a u16 that the host writes. */
  out_number16: 'i32',
  /** Address of a u64 that the host writes. */
  out_number64: 'i32',
  /** Address of an i64 that the host writes. */
  out_signed64: 'i32',
  /** Address of the length of what the host puts into the room before it. */
  out_filled: 'i32',
  /** An address, whatever lies there. */
  address: 'i32',
  /** 0: it was done. 1: it was refused. */
  status: 'i32',
  /** Error number of WASI. */
  errno: 'i32',
  number64: 'i64',
  /** Handles of the two ends of a stream or a future: the readable one in the lower half. */
  ends: 'i64',
  signed64: 'i64',
  /** Bits. */
  flags64: 'i64',
} as const satisfies Readonly<Record<string, 'i32' | 'i64'>>;

export type ValueType = keyof typeof wasmTypes;

/** Name, as the ABI's own documents have it, and what it is. */
export type Value = readonly [name: string, type: ValueType];

type ArgumentOf<T extends ValueType> = (typeof wasmTypes)[T] extends 'i64' ? bigint : number;

/** The arguments that a function of these parameters is called with. */
export type ArgumentsOf<P extends readonly Value[]> = {
  -readonly [I in keyof P]: ArgumentOf<P[I][1]>;
};

/** A function without a result may answer `undefined`, too. */
type ResultOf<R extends readonly Value[]> = R extends readonly [Value]
  ? ArgumentOf<R[0][1]>
  : // biome-ignore lint/suspicious/noConfusingVoidType: many hostcalls give the guest nothing back.
    void | undefined;

type AnswerOf<T> = T | Promise<T> | Steps<T>;

/** Whatever a hostcall may answer. */
export type HostcallAnswer = AnswerOf<number | bigint | undefined>;

/** How the values of a component's types cross in a call. */
export interface TypedCall {
  readonly type: Pick<FuncType, 'params' | 'result'>;
  readonly options: Pick<CrossingOptions, 'encoding' | 'memory' | 'isAsync'>;
  /** The first core value is where the parameters lie. */
  readonly hasParamsInMemory: boolean;
  /** The core value at `resultPlace` is where the result lies. */
  readonly hasResultInMemory: boolean;
  readonly resultPlace: number;
  /** What is answered opens doors. */
  readonly hidesAnswer: boolean;
}

/** What is said of a hostcall; data, apart from any guest. */
export interface HostcallFacts {
  /** As a module imports it. */
  readonly name: string;
  /** What a trace puts before a name that functions of several modules have. */
  readonly family?: string;
  readonly params: readonly Value[];
  readonly results: readonly Value[];
  /** What values of the result are called, where they have names. */
  readonly resultNames?: ReadonlyMap<number, string>;
  /** Of a function that components call by its types; a trace goes by these then. */
  readonly typed?: TypedCall;
  /** Of such a function: what stands in place of `params` and `results`. */
  readonly core?: CoreFace;
  /** Whether the guest may be suspended in it; see `Hostcall`. */
  readonly waits: boolean;
  /** One line of Markdown for who writes guests; empty where name and types say all. */
  readonly meaning: string;
  /** The place in the ABI's specification; empty where the contract has no more to say. */
  readonly spec: string;
}

type HostcallFunction = (...args: never[]) => HostcallAnswer | AnswerOf<void>;

/**
 * One import of one guest. A hostcall with `waits` may return a promise, or steps, and lets others
 * have a turn when it has done much; the guest is suspended meanwhile (JSPI), and after the wait
 * every view of its memory must be taken anew. One without is short, whatever its arguments are.
 */
export interface Hostcall {
  /** What is declared of it; left out where no ABI declares it. */
  readonly facts?: HostcallFacts;
  readonly waits: boolean;
  /**
   * Whether it may be made while the host calls the guest, to allocate or to clean up: then it
   * answers at once, and calls nobody.
   */
  readonly isOpenWithin?: boolean;
  /** Its `length` is at least the number of its parameters, or 0 where it does not say. */
  readonly call: HostcallFunction;
}

/** What a module asks for by name. */
export interface ImportName {
  readonly module: string;
  readonly name: string;
  /** Which core of the program asks; left out where it has only one. */
  readonly core?: number;
}

/** A hostcall of an ABI whose guests are seen as `Guest`. */
export interface DeclaredHostcall<Guest> extends HostcallFacts {
  /** The function for one guest, which keeps nothing between calls. */
  readonly call: (guest: Guest) => HostcallFunction;
}

/** The same with the types of its function. */
export interface TypedHostcall<Guest, P extends readonly Value[], R extends readonly Value[]>
  extends HostcallFacts {
  readonly params: P;
  readonly results: R;
  readonly call: (guest: Guest) => (...args: ArgumentsOf<P>) => AnswerOf<ResultOf<R>>;
}

/** Makes the function with which an ABI declares its hostcalls. */
export function declaring<Guest>() {
  return <const P extends readonly Value[], const R extends readonly Value[]>(
    hostcall: TypedHostcall<Guest, P, R>,
    // The engine passes what WebAssembly passes, which the parameters above stand for.
  ): DeclaredHostcall<Guest> => hostcall as HostcallFacts as DeclaredHostcall<Guest>;
}

/** Import module → import name → hostcall. Maps: a guest may import `__proto__`.`constructor`. */
export type HostcallTable<Guest> = ReadonlyMap<
  string,
  ReadonlyMap<string, DeclaredHostcall<Guest>>
>;

export function byName<Guest>(
  ...families: readonly (readonly DeclaredHostcall<Guest>[])[]
): ReadonlyMap<string, DeclaredHostcall<Guest>> {
  return new Map(families.flat().map((hostcall) => [hostcall.name, hostcall]));
}

/** A type of core functions. */
export interface CoreFace {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

/** The type that a module must import it with. */
export function faceOf({ params, results }: HostcallFacts): CoreFace {
  return { params: params.map(wasmTypeOf), results: results.map(wasmTypeOf) };
}

function wasmTypeOf([, type]: Value): string {
  return wasmTypes[type];
}

/** The hostcall for `guest`; undefined where the table has none. */
export function bindHostcall<Guest>(
  table: HostcallTable<Guest>,
  guest: Guest,
  { module, name }: ImportName,
): Hostcall | undefined {
  const declared = table.get(module)?.get(name);
  if (declared === undefined) return undefined;
  return { facts: declared, waits: declared.waits, call: declared.call(guest) };
}
