/**
 * What each owner has stored, and whether it may store more. Pure: in memory beside the file, and
 * in step with its transactions.
 */

import { mayHold } from '../account/threshold.ts';
import { inBytes } from '../amounts.ts';
import type { OwnerKey } from '../names.ts';
import type { StoreLimits } from './kv-messages.ts';
import { CapabilityRefusal } from './refusal.ts';

/** What an entry takes in the file beside its key and value: an owner's quota counts it. */
export const entryBytes = 64;

export class OwnerBytes {
  readonly #limits: Pick<StoreLimits, 'kvBytesMax' | 'kvOwnerBytesMax'>;
  readonly #committed = new Map<OwnerKey, number>();
  /** What the transaction that is being written adds. */
  readonly #added = new Map<OwnerKey, number>();
  #committedBytes = 0;
  #addedBytes = 0;

  constructor(limits: Pick<StoreLimits, 'kvBytesMax' | 'kvOwnerBytesMax'>) {
    this.#limits = limits;
  }

  /** What is there counts from now on, or no more where `bytes` is negative. */
  count(owner: OwnerKey, bytes: number): void {
    addTo(this.#committed, owner, bytes);
    this.#committedBytes += bytes;
  }

  of(owner: OwnerKey): number {
    return (this.#committed.get(owner) ?? 0) + (this.#added.get(owner) ?? 0);
  }

  begin(): void {
    this.#added.clear();
    this.#addedBytes = 0;
  }

  add(owner: OwnerKey, bytes: number): void {
    addTo(this.#added, owner, bytes);
    this.#addedBytes += bytes;
  }

  commit(): void {
    for (const [owner, bytes] of this.#added) this.count(owner, bytes);
    this.begin();
  }

  /** An owner has a quota, and no more of the file than is left for the others. */
  refusalOf(owner: OwnerKey, added: number): CapabilityRefusal | undefined {
    // What makes it smaller is always allowed, also after the limit was lowered.
    if (added <= 0) return undefined;
    const { kvBytesMax: max, kvOwnerBytesMax } = this.#limits;
    const own = this.of(owner);
    if (own + added > kvOwnerBytesMax) {
      const rule = `the modules of one owner store at most ${inBytes(kvOwnerBytesMax)} together`;
      return refuse(rule, `${added} bytes over ${own}; remove some`);
    }
    const held = this.#committedBytes + this.#addedBytes;
    if (mayHold({ max, held, own, added })) return undefined;
    const rule = 'an owner stores no more than is left for the others';
    return refuse(rule, `${added} bytes over ${own} where ${max - held} are left`);
  }
}

function addTo(sums: Map<OwnerKey, number>, owner: OwnerKey, bytes: number): void {
  const sum = (sums.get(owner) ?? 0) + bytes;
  if (sum === 0) sums.delete(owner);
  else sums.set(owner, sum);
}

function refuse(rule: string, received: string): CapabilityRefusal {
  return new CapabilityRefusal('limit', `Cannot store: ${rule}: received ${received}`);
}
