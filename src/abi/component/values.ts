/** Parameters and results of a function, taken from one side and given to the other. */
import type { WasmValue } from '../abi.ts';
import type { Crossing } from './crossing.ts';
import type { PreparedFunction } from './prepared.ts';

/** From the caller: its core values, or where they lie. */
export function liftParams(
  crossing: Crossing,
  { params, hasParamsInMemory }: PreparedFunction,
  flat: readonly WasmValue[],
): readonly unknown[] {
  const values = hasParamsInMemory
    ? params.load(crossing, placeFor(crossing, flat[0], params))
    : params.lift(crossing, flat, 0);
  return values as readonly unknown[];
}

/** To the callee, which makes room for them where they are too many. */
export function lowerParams(
  crossing: Crossing,
  { params, hasParamsInMemory }: PreparedFunction,
  values: readonly unknown[],
): WasmValue[] {
  const flat: WasmValue[] = [];
  if (hasParamsInMemory) {
    const ptr = crossing.allocate(params.size, params.align);
    params.store(crossing, values as never, ptr);
    flat.push(ptr);
  } else params.lower(crossing, values as never, flat);
  return flat;
}

/** From the callee: its one core value, or where the result lies. */
export function liftResult(
  crossing: Crossing,
  { result, hasResultInMemory }: PreparedFunction,
  answer: WasmValue | undefined,
): unknown {
  if (result === undefined) return undefined;
  if (!hasResultInMemory) return result.lift(crossing, [answer ?? 0], 0);
  return result.load(crossing, placeFor(crossing, answer, result));
}

/** To the caller: its one core value; one of several lies where the last of `flat` says. */
export function lowerResult(
  crossing: Crossing,
  { result, hasResultInMemory, resultPlace }: PreparedFunction,
  to: { readonly value: unknown; readonly flat: readonly WasmValue[] },
): WasmValue | undefined {
  if (result === undefined) return undefined;
  if (hasResultInMemory) {
    result.store(crossing, to.value as never, placeFor(crossing, to.flat[resultPlace], result));
    return undefined;
  }
  if (result.lowerOne !== undefined) return result.lowerOne(crossing, to.value as never);
  const lowered: WasmValue[] = [];
  result.lower(crossing, to.value as never, lowered);
  return lowered[0];
}

/** Traps where there is no room for it, or it is not aligned. */
function placeFor(
  crossing: Crossing,
  pointer: WasmValue | undefined,
  { size, align }: { readonly size: number; readonly align: number },
): number {
  const ptr = Number(pointer) >>> 0;
  crossing.requireAligned(ptr, align);
  crossing.memory.requireRange(ptr, size);
  return ptr;
}
