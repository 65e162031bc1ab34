/** Handles as they cross: one word that names something (CanonicalABI.md, `lift_own` and so on). */
import type { WasmValue } from '../abi.ts';
import type { Codec } from './codec.ts';
import type { Crossing, KnownResource } from './crossing.ts';
import type { Representation } from './handles.ts';

/** Of nearly all functions the first parameter is one: who knows the class calls it directly. */
export class HandleCodec implements Codec {
  readonly size = 4;
  readonly align = 4;
  readonly flatCount = 1;
  readonly #isOwned: boolean;
  readonly #resource: KnownResource;

  constructor(kind: 'own' | 'borrow', resource: KnownResource) {
    this.#isOwned = kind === 'own';
    this.#resource = resource;
  }

  /** What `index` names. Traps where that is nothing, or another thing. */
  take(crossing: Crossing, index: number): Representation {
    return this.#isOwned
      ? crossing.takeOwned(index, this.#resource)
      : crossing.borrow(index, this.#resource);
  }

  lift(crossing: Crossing, flat: readonly WasmValue[], at: number): Representation {
    return this.take(crossing, Number(flat[at]));
  }

  load(crossing: Crossing, ptr: number): Representation {
    return this.take(crossing, crossing.memory.readU32(ptr));
  }

  lower(crossing: Crossing, value: never, flat: WasmValue[]): void {
    flat.push(this.lowerOne(crossing, value));
  }

  lowerOne(crossing: Crossing, value: never): number {
    return this.#isOwned
      ? crossing.giveOwned(value, this.#resource)
      : crossing.lend(value, this.#resource);
  }

  store(crossing: Crossing, value: never, ptr: number): void {
    crossing.memory.writeU32(ptr, this.lowerOne(crossing, value));
  }
}
