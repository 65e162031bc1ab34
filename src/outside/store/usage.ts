/**
 * What each owner has stored, and whether it may store more. Pure: in memory beside the file, and
 * in step with its transactions.
 */
import { Counts } from '../../account/counts.ts';
import { mayHold } from '../../account/threshold.ts';
import { inBytes } from '../../amounts.ts';
import type { OwnerKey } from '../../names.ts';
import { StoreError } from './contract.ts';
import type { StoreLimits } from './messages.ts';

/** What an entry takes in the file beside its key and value: an owner's quota counts it. */
export const entryBytes = 64;

export class OwnerBytes {
  readonly #limits: Pick<StoreLimits, 'kvBytesMax' | 'kvOwnerBytesMax'>;
  readonly #committed = new Counts<OwnerKey>();
  /** What the transaction that is being written adds. */
  readonly #added = new Counts<OwnerKey>();

  constructor(limits: Pick<StoreLimits, 'kvBytesMax' | 'kvOwnerBytesMax'>) {
    this.#limits = limits;
  }

  /** What is there counts from now on, or no more where `bytes` is negative. */
  count(owner: OwnerKey, bytes: number): void {
    this.#committed.add(owner, bytes);
  }

  /** What all owners have in the file. */
  get total(): number {
    return this.#committed.total;
  }

  of(owner: OwnerKey): number {
    return this.#committed.of(owner) + this.#added.of(owner);
  }

  /** Counting begins anew. */
  clear(): void {
    this.#committed.clear();
    this.#added.clear();
  }

  begin(): void {
    this.#added.clear();
  }

  add(owner: OwnerKey, bytes: number): void {
    this.#added.add(owner, bytes);
  }

  commit(): void {
    for (const [owner, bytes] of this.#added) this.count(owner, bytes);
    this.begin();
  }

  /** An owner has a quota, and no more of the file than is left for the others. */
  refusalOf(owner: OwnerKey, added: number): StoreError | undefined {
    // What makes it smaller is always allowed, also after the limit was lowered.
    if (added <= 0) return undefined;
    const { kvBytesMax: max, kvOwnerBytesMax } = this.#limits;
    const own = this.of(owner);
    if (own + added > kvOwnerBytesMax) {
      const rule = `the modules of one owner store at most ${inBytes(kvOwnerBytesMax)} together`;
      return refuse(rule, `${added} bytes over ${own}; remove some`);
    }
    const held = this.#committed.total + this.#added.total;
    if (mayHold({ max, held, own, added })) return undefined;
    const rule = 'an owner stores no more than is left for the others';
    return refuse(rule, `${added} bytes over ${own} where ${max - held} are left`);
  }
}

function refuse(rule: string, received: string): StoreError {
  return new StoreError('limit', `Cannot store: ${rule}: received ${received}`);
}
