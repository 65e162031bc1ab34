/**
 * Entries of one shape: so many parameters, all i32, and one result of that kind or none. A module
 * of ours for each stands between the host and entries, and says in a memory which call has ended,
 * and with what.
 */
import type { GuestFunction, HostcallResult, WasmValue } from '../abi/abi.ts';
import { ownModuleName } from './crossing-module.ts';
import { list, moduleHead, nameSection, section, text } from './small-module.ts';

export interface EntryTypes {
  /** At most three. */
  readonly params: number;
  readonly hasResult: boolean;
}

/** What all shapes of a thread have in common. */
export interface EntryRoom {
  /** Entries by their places. */
  readonly entries: WebAssembly.Table;
  /** At 0 the number of the call that has ended last, at 4 its result. */
  readonly memory: WebAssembly.Memory;
}

/** Rejects when the guest trapped or was ended. */
type Enter = (
  place: number,
  call: number,
  ...args: readonly (WasmValue | undefined)[]
) => Promise<HostcallResult>;

type EnterPlainly = (
  place: number,
  call: number,
  ...args: readonly (WasmValue | undefined)[]
) => HostcallResult;

const i32 = 0x7f;

export class EntryShape {
  readonly hasResult: boolean;
  /** Calls the entry at `place`. */
  readonly enter: Enter;
  /** The same on the stack of who calls, which cannot be suspended. */
  readonly enterPlainly: EnterPlainly;
  readonly #fitting: WebAssembly.Module;

  constructor(types: EntryTypes, room: EntryRoom) {
    this.hasResult = types.hasResult;
    this.#fitting = new WebAssembly.Module(fittingBytes(types));
    const module = new WebAssembly.Module(enteringBytes(types));
    const { enter } = new WebAssembly.Instance(module, { host: { ...room } }).exports;
    this.enter = WebAssembly.promising(enter as GuestFunction) as Enter;
    this.enterPlainly = enter as EnterPlainly;
  }

  /** Whether it is of this shape. A type that stands in a group with others is another type. */
  fits(entry: GuestFunction): boolean {
    try {
      return new WebAssembly.Instance(this.#fitting, { host: { entry } }) !== undefined;
    } catch (error) {
      if (error instanceof WebAssembly.LinkError) return false;
      throw error;
    }
  }
}

function typeOf(before: number, { params, hasResult }: EntryTypes): readonly number[] {
  const given = Array<number>(before + params).fill(i32);
  return [0x60, ...list(given), ...list(hasResult ? [i32] : [])];
}

/** (module (import "host" "entry" (func (param i32 …) (result …)))) */
function fittingBytes(types: EntryTypes): Uint8Array {
  return Uint8Array.of(
    ...moduleHead,
    ...section(1, [1, ...typeOf(0, types)]),
    ...section(2, [1, ...text('host'), ...text('entry'), 0, 0]),
  );
}

/**
 *   (module $terrafirma-entrance
 *     (type $entry (func (param i32 …) (result …)))
 *     (import "host" "entries" (table $entries 0 funcref))
 *     (import "host" "memory" (memory 1 1))
 *     (func (export "enter") (param $place i32) (param $call i32) (param i32 …) (result …)
 *       (local $result i32)
 *       (call_indirect $entries (type $entry) (local.get 2) … (local.get $place))
 *       (local.set $result)
 *       (i32.store (i32.const 4) (local.get $result))
 *       (i32.store (i32.const 0) (local.get $call))
 *       (local.get $result)))
 */
function enteringBytes(types: EntryTypes): Uint8Array {
  const { params, hasResult } = types;
  const result = 2 + params;
  const given = Array.from({ length: params }, (_, index) => [0x20, 2 + index]).flat();
  const kept = hasResult ? [0x21, result, 0x41, 0, 0x20, result, 0x36, 2, 4] : [];
  const body = [
    ...[1, 1, i32, ...given, 0x20, 0, 0x11, 0, 0, ...kept],
    ...[0x41, 0, 0x20, 1, 0x36, 2, 0, ...(hasResult ? [0x20, result] : []), 0x0b],
  ];
  return Uint8Array.of(
    ...moduleHead,
    ...section(1, [2, ...typeOf(0, types), ...typeOf(2, types)]),
    ...section(2, [
      ...[2, ...text('host'), ...text('entries'), 1, 0x70, 0, 0],
      ...[...text('host'), ...text('memory'), 2, 1, 1, 1],
    ]),
    ...section(3, [1, 1]),
    ...section(7, [1, ...text('enter'), 0, 0]),
    ...section(10, [1, ...list(body)]),
    ...nameSection(ownModuleName),
  );
}
