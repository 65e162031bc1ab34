/** How much memory a run may have, all its memories together, and why it was refused more. */
import { inBytes } from '../../amounts.ts';
import type { ErrorRecord } from '../../errors.ts';
import type { ServingInstance } from '../serving.ts';

export class MemoryQuota {
  readonly #bytesMax: number;
  /** Why memory was refused to the guest: if it traps now, that is why. */
  refusal: ErrorRecord | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether an instance that begins with so many bytes may serve the run. */
  allowsStart(bytes: number): boolean {
    return bytes <= this.#bytesMax || this.#refuse();
  }

  /** May memory number `memory` of `instance` have so many bytes? */
  allows(instance: ServingInstance | undefined, memory: number, bytes: number): boolean {
    const otherBytes = instance?.bytesBeside(memory) ?? 0;
    if (otherBytes + bytes <= this.#bytesMax) return this.#mayHold(instance, memory, bytes);
    return this.#refuse();
  }

  #refuse(): false {
    const rule = `memory limit of ${inBytes(this.#bytesMax)}`;
    const detail = `Cannot answer: the function reached its ${rule}`;
    this.refusal = { code: 'guest-out-of-memory', detail };
    return false;
  }

  /** What earlier runs grew is there already. */
  #mayHold(instance: ServingInstance | undefined, memory: number, bytes: number): boolean {
    if (instance === undefined) return true;
    const more = bytes - instance.physicalBytesOf(memory);
    if (more <= 0 || instance.charge.tryGrow(more)) return true;
    const detail =
      'Cannot answer now: memory is short, and the sites of one owner may have no larger part of ' +
      `it than is left for others: received ${more} bytes more`;
    this.refusal = { code: 'overloaded', detail };
    return false;
  }
}
