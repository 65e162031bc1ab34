/**
 * WASI preview1 as a part of another ABI: what the C library of its guests asks for by itself. The
 * catalogue gives it to an ABI, since ABIs know nothing of each other.
 */
import type { EarlyCapabilities, GuestHost, ModuleFace, Run } from './abi.ts';
import type { Hostcall, ImportName } from './hostcall.ts';

/** What the program is told; one character a byte, without NUL. Each is called at most once. */
export interface WasiGiven {
  readonly listArguments: () => readonly string[];
  /** `NAME=value`. */
  readonly listEnvironment: () => readonly string[];
}

/** One instance's side of it: no input, output to the log, files where the owner grants them. */
export interface WasiSide {
  /** Undefined: there is no such function. */
  hostcall(wanted: ImportName): Hostcall | undefined;
  prepare(capabilities: EarlyCapabilities): void;
  begin(run: Run, given: WasiGiven): void;
  /** After `begin` or `prepare`; what was written and has no line end is a line. Never throws. */
  release(): void;
}

export interface WasiBeside {
  /** What is wrong with an import; undefined where it is none of WASI's. */
  judgeImport(wanted: ModuleFace['imports'][number]): readonly string[] | undefined;
  bind(host: GuestHost): WasiSide;
}
