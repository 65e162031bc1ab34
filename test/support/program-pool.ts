/**
 * Programs on the engine of the product: pool, scheduler, meter, restore, with an ABI that a test
 * brings along. For suites that are no websites.
 */

import { createHash } from 'node:crypto';
import type { Abi } from '../../src/abi/abi.ts';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import type { RunReport } from '../../src/engine/run/report.ts';
import { GuestPool } from '../../src/engine/supply/pool.ts';
import type { OwnerKey } from '../../src/names.ts';
import { createLedger, LedgerPage } from '../../src/threads/ledger.ts';
import type { Digest, FormFacts, LoadedModule } from '../../src/threads/messages.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { type MeteredModule, meterModule } from '../../src/wasm/meter.ts';
import { defaultModuleLimits, type ModuleLimits } from '../../src/wasm/shape.ts';
import { RecordingExchange, World } from './abi-world.ts';

export interface ProgramPoolOptions {
  readonly abi: Abi;
  readonly restoreMode: RestoreMode | 'never';
  readonly limits?: Partial<Limits>;
}

const bytesMax = 2 ** 50;

class ProgramExchange extends RecordingExchange {
  override onGone(): void {
    // Nobody goes away.
  }
}

export class ProgramPool implements Disposable {
  readonly #pool: GuestPool;
  readonly #abi: Abi;

  constructor({ abi, restoreMode, limits: changed }: ProgramPoolOptions) {
    const limits = { ...defaultLimits, ...changed };
    const page = new LedgerPage(createLedger(1), 0);
    const memoriesMax = limits.instancesMax;
    const account = new Account(createSharedAccount({ threads: 1, bytesMax, memoriesMax }), 0);
    const abis = new Map([[abi.name, abi]]);
    this.#abi = abi;
    this.#pool = new GuestPool({ limits, abis, page, account, restoreMode });
  }

  /** Rewrites a module as the deploy road does, whatever it imports. */
  load(
    bytes: Uint8Array<ArrayBuffer>,
    entry: string,
    limits: ModuleLimits = defaultModuleLimits,
  ): LoadedModule {
    const shape = inspectModule(bytes, limits);
    const { memoryPagesMax, tableEntriesMax } = limits;
    const meter = (cards: boolean): MeteredModule =>
      meterModule(bytes, shape, { cards, memoryPagesMax, tableEntriesMax });
    const plain = meter(false);
    const hasCards = plain.restorable === true && plain.memories.length > 0;
    const cards = hasCards ? meter(true) : undefined;
    return {
      digest: createHash('sha256').update(bytes).update(entry).digest('hex') as Digest,
      abi: this.#abi.name,
      entry,
      engine: {
        metered: factsOf(plain),
        cards: cards === undefined ? undefined : factsOf(cards),
      },
      module: new WebAssembly.Module(plain.bytes),
      cardsModule: cards === undefined ? undefined : new WebAssembly.Module(cards.bytes),
      codeBytes: plain.bytes.length,
    };
  }

  /** One run of the entry, by a guest that may have served before. */
  run(loaded: LoadedModule, site = '/suite'): Promise<RunReport> {
    const exchange = new ProgramExchange({}, new Uint8Array(0));
    const shares = { owner: site as OwnerKey, site, client: '192.0.2.7' };
    return this.#pool.acquire(loaded, shares).run(exchange, new World());
  }

  [Symbol.dispose](): void {
    this.#pool.close();
  }
}

function factsOf({ bytes: _, ...facts }: MeteredModule): FormFacts {
  return facts;
}
