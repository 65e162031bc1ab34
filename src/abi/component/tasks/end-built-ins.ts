/** Functions of the canonical ABI that make, use and drop ends of streams and futures. */
import type { EndTrampoline } from '../../../wasm/component/plan.ts';
import type { Hostcall } from '../../hostcall.ts';
import type { Steps } from '../../steps.ts';
import type { HandleTable } from '../handles.ts';
import { type BuiltInParts, blocked, handlesOf, waitForEvent } from './built-in-parts.ts';
import {
  type CopyEnd,
  type EndKind,
  type EndOptions,
  ReadableEnd,
  WritableEnd,
} from './copy-end.ts';
import { type ElementType, GuestBuffer } from './guest-buffer.ts';
import { SharedFuture } from './shared-future.ts';
import { SharedStream } from './shared-stream.ts';

/** The two words of an i64, for all: sums of BigInts would be four more of them. */
const pair = new DataView(new ArrayBuffer(8));

type EndClass = abstract new (...args: never[]) => CopyEnd;

export function bindEnd(parts: BuiltInParts, trampoline: EndTrampoline): Hostcall {
  const { kind, operation } = trampoline;
  const ends = new Ends(parts, trampoline);
  switch (operation) {
    case 'new':
      return { waits: false, call: () => ends.make(kind) };
    case 'read':
    case 'write':
      return bindCopy(parts, trampoline, ends);
    case 'cancel-read':
    case 'cancel-write':
      return bindCancel(parts, trampoline, ends);
    default: {
      const end = operation === 'drop-readable' ? ReadableEnd : WritableEnd;
      return { waits: false, call: (index: number) => ends.drop(index, end) };
    }
  }
}

class Ends {
  readonly #parts: BuiltInParts;
  readonly #trampoline: EndTrampoline;
  readonly element: ElementType;
  readonly #handles: HandleTable;
  #options: EndOptions | undefined;

  constructor(parts: BuiltInParts, trampoline: EndTrampoline) {
    this.#parts = parts;
    this.#trampoline = trampoline;
    this.element = parts.prepared.element(trampoline.element);
    this.#handles = handlesOf(parts.guest, trampoline.instance);
  }

  #makeOptions(kind: EndKind): EndOptions {
    const { threads } = this.#parts.guest.tasks;
    const { instance } = this.#trampoline;
    const onEvent = (isAwaited: boolean): void => threads.poke(isAwaited);
    return { kind, element: this.element, instance, onEvent };
  }

  /** Both ends of a new one: the readable one in the lower half. */
  make(kind: EndKind): bigint {
    const { guest } = this.#parts;
    const { element } = this;
    const { threads } = guest.tasks;
    guest.requireRun();
    const side = kind === 'stream' ? new SharedStream(element, threads) : new SharedFuture(element);
    const handles = this.#handles;
    this.#options ??= this.#makeOptions(kind);
    const readable = new ReadableEnd(side, this.#options);
    const writable = new WritableEnd(side, this.#options);
    readable.handle = handles.addForTask(readable);
    writable.handle = handles.addForTask(writable);
    return pairOf(readable.handle, writable.handle);
  }

  /** Traps where the handle is none of these. */
  find(index: number, endClass: EndClass): CopyEnd {
    const { guest } = this.#parts;
    const { kind } = this.#trampoline;
    const end = this.#handles.find(index, endClass);
    if (end.kind === kind && end.element.key === this.element.key) return end;
    return guest.trap(`Cannot use handle ${index >>> 0}: an end of that type: received another`);
  }

  drop(index: number, endClass: EndClass): void {
    const { guest } = this.#parts;
    const end = this.find(index, endClass);
    if (end.isCopying) {
      guest.trap('Cannot drop the end: no copy is under way: received one that copies');
    }
    if (end instanceof WritableEnd && end.kind === 'future' && !end.isDone) {
      guest.trap('Cannot drop the future: its value was written: received one without');
    }
    this.#handles.remove(index);
    end.close();
  }
}

function pairOf(low: number, high: number): bigint {
  pair.setUint32(0, high);
  pair.setUint32(4, low);
  return pair.getBigInt64(0);
}

function bindCopy(parts: BuiltInParts, trampoline: EndTrampoline, ends: Ends): Hostcall {
  const { guest } = parts;
  const { operation, isAsync, kind, options } = trampoline;
  if (options === undefined) throw new TypeError(`Cannot bind ${kind}.${operation}: no options`);
  const crossing = parts.crossing(options);
  const endClass = operation === 'read' ? ReadableEnd : WritableEnd;
  const begin = (index: number, ptr: number, length: number): CopyEnd => {
    const end = ends.find(index, endClass);
    if (!end.isIdle) guest.trap('Cannot copy: an end that is idle: received one that is not');
    if (end.isInSet && !isAsync) {
      guest.trap('Cannot wait for the copy: not one of a set: received one that is');
    }
    end.begin(new GuestBuffer(crossing, ends.element, { ptr, length }));
    return end;
  };
  const lengthOf = (length: number): number => (kind === 'future' ? 1 : length);
  if (isAsync) {
    const copy = (index: number, ptr: number, length: number): number =>
      begin(index, ptr, lengthOf(length)).takeEvent()?.[2] ?? blocked;
    return { waits: false, call: copy };
  }
  function* copyAndWait(index: number, ptr: number, length: number): Steps<number> {
    const end = begin(index, ptr, lengthOf(length));
    if (!end.hasEvent) yield* waitForEvent(guest, end);
    return end.takeEvent()?.[2] ?? blocked;
  }
  return { waits: true, call: copyAndWait };
}

function bindCancel(parts: BuiltInParts, trampoline: EndTrampoline, ends: Ends): Hostcall {
  const { guest } = parts;
  const { operation, isAsync } = trampoline;
  const endClass = operation === 'cancel-read' ? ReadableEnd : WritableEnd;
  const cancel = (index: number): number => {
    const end = ends.find(index, endClass);
    if (!end.isCancellable) {
      guest.trap('Cannot cancel: a copy that is under way: received an end without');
    }
    if (end.isInSet && !isAsync) {
      guest.trap('Cannot wait for the end of the copy: not one of a set: received one that is');
    }
    // Both sides give up at once, so that nobody waits.
    end.cancel();
    return end.takeEvent()?.[2] ?? blocked;
  };
  return { waits: false, call: cancel };
}
