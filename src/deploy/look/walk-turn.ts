/**
 * The turn of one walk over a folder. Walks of small folders never wait for those of large ones: a
 * walk that turns out to be long gives its place back, and goes on among the long ones.
 */
import type { OwnerGate } from '../../account/gate.ts';
import type { OwnerPace } from './pace.ts';

export interface WalkGates {
  /** Where every walk begins. */
  readonly short: OwnerGate;
  readonly long: OwnerGate;
  readonly pace: OwnerPace;
}

/** Entries after which a walk is a long one, and may have to wait for those of others. */
export const shortEntriesMax = 2_000;

export class WalkTurn implements Disposable {
  readonly #gates: WalkGates;
  #place: Disposable | undefined;
  #entries = 0;
  #isLong = false;

  private constructor(gates: WalkGates, place: Disposable) {
    this.#gates = gates;
    this.#place = place;
  }

  /** Resolves when the walk may begin; it ends when the turn is disposed of. */
  static async begin(gates: WalkGates): Promise<WalkTurn> {
    return new WalkTurn(gates, await gates.short.enter());
  }

  /** Resolves when so many more entries may be looked at. */
  async take(entries: number): Promise<void> {
    this.#entries += entries;
    if (!this.#isLong && this.#entries > shortEntriesMax) {
      this.#isLong = true;
      this[Symbol.dispose]();
      this.#place = await this.#gates.long.enter();
    }
    await this.#gates.pace.take(entries);
  }

  [Symbol.dispose](): void {
    this.#place?.[Symbol.dispose]();
    this.#place = undefined;
  }
}
