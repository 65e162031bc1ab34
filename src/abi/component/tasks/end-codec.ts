/** Readable ends of streams and futures, which move to whoever gets them. */
import type { WasmValue } from '../../abi.ts';
import type { Codec } from '../codec.ts';
import type { Crossing } from '../crossing.ts';
import { type EndKind, ReadableEnd } from './copy-end.ts';
import type { ElementType } from './guest-buffer.ts';
import type { ReadableSide } from './sides.ts';

export function endCodec(kind: EndKind, element: ElementType): Codec {
  const known = { kind, element };
  return {
    size: 4,
    align: 4,
    flatCount: 1,
    lift: (crossing, flat, at) => take(crossing, Number(flat[at]), known),
    load: (crossing, ptr) => take(crossing, crossing.memory.readU32(ptr), known),
    lower: (crossing, side, flat: WasmValue[]) => void flat.push(give(crossing, side, known)),
    store: (crossing, side, ptr) => crossing.memory.writeU32(ptr, give(crossing, side, known)),
  };
}

interface KnownEnd {
  readonly kind: EndKind;
  readonly element: ElementType;
}

/** The guest has it no more. Traps where it may not be given away now. */
function take(crossing: Crossing, index: number, { kind, element }: KnownEnd): ReadableSide {
  const { handles } = crossing;
  const end = handles.find(index, ReadableEnd);
  if (end.kind !== kind || end.element.key !== element.key) {
    crossing.trap(`Cannot use handle ${index >>> 0}: an end of that type: received another`);
  }
  if (!end.isIdle || end.isInSet) {
    crossing.trap(`Cannot give up handle ${index >>> 0}: an end that is idle: received one in use`);
  }
  handles.remove(index);
  return end.side;
}

function give(crossing: Crossing, side: ReadableSide, { kind, element }: KnownEnd): number {
  const { handles, instance, onEvent } = crossing;
  const end = new ReadableEnd(side, { kind, element, instance, onEvent });
  end.handle = handles.addForTask(end);
  return end.handle;
}
