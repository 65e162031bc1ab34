/** The control side: which sites have a table of rates, and who may have one more. */
import { randomBytes } from 'node:crypto';
import { mayHold } from '../../account/threshold.ts';
import type { Limits } from '../../config/config.ts';
import { type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import { createTable, tableBytes } from './shared-table.ts';

export type TableLimits = Pick<Limits, 'rateEntriesPerSiteMax' | 'rateBytesMax'>;

interface Held {
  readonly memory: SharedArrayBuffer;
  readonly owner: OwnerKey;
  askedAtMs: number;
}

/** Threads ask again after this long, while they use it. */
export const askAgainAfterMs = 60_000;
/** The longest punishment: what nobody has asked for so long says nothing any more. */
const forgetAfterMs = 3_600_000 + 2 * askAgainAfterMs;
const saltBytes = 8;

export class RateTables {
  readonly #limits: TableLimits;
  readonly #nowMs: () => number;
  readonly #tables = new Map<FolderKey, Held>();

  constructor(limits: TableLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Undefined where there is no room for one more. */
  of(folderKey: FolderKey): SharedArrayBuffer | undefined {
    const nowMs = this.#nowMs();
    const known = this.#tables.get(folderKey);
    if (known !== undefined) {
      known.askedAtMs = nowMs;
      return known.memory;
    }
    for (const [key, { askedAtMs }] of this.#tables) {
      if (nowMs - askedAtMs > forgetAfterMs) this.#tables.delete(key);
    }
    const owner = ownerOf(folderKey);
    const { rateEntriesPerSiteMax, rateBytesMax: max } = this.#limits;
    const added = tableBytes(rateEntriesPerSiteMax);
    const own = [...this.#tables.values()].filter((held) => held.owner === owner).length * added;
    if (!mayHold({ max, held: this.#tables.size * added, own, added })) return undefined;
    const memory = createTable(rateEntriesPerSiteMax, randomBytes(saltBytes));
    this.#tables.set(folderKey, { memory, owner, askedAtMs: nowMs });
    return memory;
  }
}
