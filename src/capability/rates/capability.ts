/** Rate counters and penalty boxes of a site, shared by the threads of this node. */
import { LRUCache } from 'lru-cache';
import type { FolderKey } from '../../names.ts';
import type { CapabilityDefinition, ThreadLink } from '../definition.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { Rates, RateTable } from './contract.ts';
import { SharedRateTable } from './shared-table.ts';
import { askAgainAfterMs, RateTables } from './tables.ts';

interface RatesSpeech {
  readonly question: { readonly folderKey: FolderKey };
  /** Undefined: there is no room for one more. */
  readonly answer: SharedArrayBuffer | undefined;
}

const tablesKnownMax = 1_024;

class RatesSide {
  readonly #link: ThreadLink<RatesSpeech>;
  readonly #known = new LRUCache<FolderKey, RateTable>({
    max: tablesKnownMax,
    ttl: askAgainAfterMs,
  });

  constructor(link: ThreadLink<RatesSpeech>) {
    this.#link = link;
  }

  tableOf(folderKey: FolderKey): RateTable | Promise<RateTable> {
    return this.#known.get(folderKey) ?? this.#ask(folderKey);
  }

  async #ask(folderKey: FolderKey): Promise<RateTable> {
    const memory = await this.#link.ask({ folderKey }, folderKey);
    if (memory === undefined) {
      const rule = 'there must be room for the rates of one more site';
      throw new CapabilityRefusal('limit', `Cannot count: ${rule}: received none`);
    }
    const table = new SharedRateTable(memory, Date.now);
    this.#known.set(folderKey, table);
    return table;
  }
}

export const ratesCapability: CapabilityDefinition<Rates, RatesSide, RatesSpeech> = {
  openControl({ config }) {
    const tables = new RateTables(config.limits, () => performance.now());
    return { answer: async ({ folderKey }) => tables.of(folderKey) };
  },
  openThread: (_, link) => new RatesSide(link),
  lend: (side, { folderKey }) => ({ table: () => side.tableOf(folderKey) }),
};
