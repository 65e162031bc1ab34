/** Bytes of bodies that are under way on one thread, both directions, with a share for owners. */
import type { Account } from '../../account/account.ts';
import { Counts } from '../../account/counts.ts';
import { inBytes } from '../../amounts.ts';
import type { OwnerKey } from '../../names.ts';
import type { CapabilityRefusal } from '../refusal.ts';
import { limitRefusal } from './refusals.ts';

/** Of these, what one owner may have: others must be able to fetch something, too. */
const ownerShareMax = 3 / 4;

export class HeldBytes {
  readonly #bytesMax: number;
  readonly #account: Account | undefined;
  readonly #byOwner = new Counts<OwnerKey>();

  /** `account` is charged, too; left out where nobody counts. */
  constructor(bytesMax: number, account: Account | undefined) {
    this.#bytesMax = bytesMax;
    this.#account = account;
  }

  /** Counts `bytes` for the owner, or says why they may not be held. */
  hold(owner: OwnerKey, bytes: number): CapabilityRefusal | undefined {
    const max = this.#bytesMax;
    const ownerMax = Math.floor(max * ownerShareMax);
    const owned = this.#byOwner.of(owner) + bytes;
    if (owned > ownerMax || this.#byOwner.total + bytes > max) {
      const rule = `bodies under way may have ${inBytes(max)} together`;
      return limitRefusal(`${rule}, those of one owner ${inBytes(ownerMax)}`, 'more; try again');
    }
    this.#byOwner.add(owner, bytes);
    this.#account?.shareOf(owner).charge('run', bytes);
    return undefined;
  }

  release(owner: OwnerKey, bytes: number): void {
    if (bytes === 0) return;
    this.#byOwner.add(owner, -bytes);
    this.#account?.shareOf(owner).release('run', bytes);
  }
}
