/**
 * WASI preview1 as a part of another ABI: what the C library of its guests asks for by itself. The
 * catalogue gives it to an ABI, since ABIs know nothing of each other.
 */
import type { EarlyCapabilities, GuestHost, ModuleFace, Run } from './abi.ts';
import type { EarlyAnswer, EarlyGiven } from './early.ts';
import type { Hostcall, ImportName } from './hostcall.ts';

/** What the program is told; one character a byte, without NUL. Each is called at most once. */
export interface WasiGiven {
  readonly listArguments: () => readonly string[];
  /** `NAME=value`. */
  readonly listEnvironment: () => readonly string[];
  /** Of the three streams; left out: none is set. */
  readonly streamFlags?: readonly number[] | undefined;
}

/** One instance's side of it: no input, output to the log, files where the owner grants them. */
export interface WasiSide {
  /** Undefined: there is no such function. */
  hostcall(wanted: ImportName): Hostcall | undefined;
  prepare(capabilities: EarlyCapabilities): void;
  begin(run: Run, given: WasiGiven): void;
  /** Takes a start that is done before any request; see `EarlyBinding`. */
  prepareStart(given: WasiGiven, random: Pick<EarlyGiven, 'fillRandom'>): void;
  /** Flags of the three streams, before `release`. */
  streamFlags(): readonly number[];
  /** After `begin` or `prepare`; what was written and has no line end is a line. Never throws. */
  release(): void;
}

export interface WasiBeside {
  /** What is wrong with an import; undefined where it is none of WASI's. */
  judgeImport(wanted: ModuleFace['imports'][number]): readonly string[] | undefined;
  bind(host: GuestHost): WasiSide;
  /** In a start of a program without files; undefined: it is none of WASI's. */
  judgeEarly(wanted: ImportName, first: unknown): EarlyAnswer | undefined;
}
