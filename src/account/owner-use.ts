/**
 * How much owners have used, lately, of what they have in turn, so that whoever used the least
 * comes next: start-time fair queueing (Goyal, Vin and Cheng, 1996). Taking turns alone is not fair
 * where one owner's turn is thirty times as long as another's: who comes now and then waited for
 * the next of the long ones each time. Whoever used nothing for a while saves nothing up, and
 * nobody is set back for what it used while nobody else wanted anything. Pure.
 */
import type { OwnerKey } from '../names.ts';

/** However much an owner used alone, it is behind others by so much at most. */
const aheadMsMax = 100;
const ownersMax = 1_024;

export class OwnerUse {
  /** What whoever was served last had used. */
  #levelMs = 0;
  /** Of those that are ahead of it; who used something last at the end. */
  readonly #used = new Map<OwnerKey, number>();

  /** In milliseconds from some start; the least comes next. */
  of(owner: OwnerKey): number {
    return Math.max(this.#used.get(owner) ?? 0, this.#levelMs);
  }

  /** The owner has its turn now. */
  serve(owner: OwnerKey): void {
    this.#levelMs = this.of(owner);
  }

  /** The owner has used so much or, where it is negative, less than was charged. */
  charge(owner: OwnerKey, ms: number): void {
    const used = Math.min(this.of(owner) + ms, this.#levelMs + aheadMsMax);
    this.#used.delete(owner);
    if (this.#used.size >= ownersMax) this.#forget();
    this.#used.set(owner, used);
  }

  #forget(): void {
    for (const [owner, used] of this.#used) if (used <= this.#levelMs) this.#used.delete(owner);
    const [oldest] = this.#used.keys();
    if (this.#used.size >= ownersMax && oldest !== undefined) this.#used.delete(oldest);
  }
}
