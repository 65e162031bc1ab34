/**
 * Programs on the engine of the product: pool, scheduler, meter, restore, with an ABI that a test
 * brings along. For suites that are no websites.
 */

import { createHash } from 'node:crypto';
import type { Abi, Exchange } from '../../src/abi/abi.ts';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import type { RunReport } from '../../src/engine/run/report.ts';
import { GuestPool } from '../../src/engine/supply/pool.ts';
import type { OwnerKey } from '../../src/names.ts';
import { createLedger, LedgerPage } from '../../src/threads/ledger.ts';
import type { Digest, LoadedModule } from '../../src/threads/messages.ts';
import type { FormFacts, ProgramCore } from '../../src/threads/program.ts';
import type { ComponentPlan } from '../../src/wasm/component/plan.ts';
import type { ReadComponent } from '../../src/wasm/component.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';
import type { MeteredModule } from '../../src/wasm/meter.ts';
import { type CoreSource, type MeteredCore, meterProgram } from '../../src/wasm/program.ts';
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
    const nowMs = (): number => performance.now();
    this.#pool = new GuestPool({ limits, abis, page, account, nowMs, restoreMode });
  }

  /** Rewrites a module as the deploy road does, whatever it imports. */
  load(
    bytes: Uint8Array<ArrayBuffer>,
    entry: string,
    limits: ModuleLimits = defaultModuleLimits,
  ): LoadedModule {
    return this.link([{ bytes, links: [] }], entry, limits);
  }

  /** The same for cores that link to each other; the last has the entry. */
  link(
    cores: readonly Pick<CoreSource, 'bytes' | 'links'>[],
    entry: string,
    limits: ModuleLimits = defaultModuleLimits,
  ): LoadedModule {
    const sources = cores.map((core) => ({ ...core, shape: inspectModule(core.bytes, limits) }));
    return this.#load(sources, { entry, limits, mainCore: cores.length - 1 });
  }

  /** The same for the cores of a component; what a run calls is the ABI's matter. */
  linkComponent(
    { cores, plan }: ReadComponent,
    entry: string,
    limits: ModuleLimits = defaultModuleLimits,
  ): LoadedModule {
    return this.#load(cores, { entry, limits, mainCore: 0, component: plan });
  }

  #load(
    sources: readonly CoreSource[],
    how: {
      readonly entry: string;
      readonly limits: ModuleLimits;
      readonly mainCore: number;
      readonly component?: ComponentPlan;
    },
  ): LoadedModule {
    const { entry, limits, mainCore, component } = how;
    const { memoryPagesMax, tableEntriesMax } = limits;
    const metered = meterProgram(sources, { memoryPagesMax, tableEntriesMax });
    const digest = createHash('sha256').update(entry);
    if (component !== undefined) digest.update(JSON.stringify(component));
    for (const { bytes } of sources) digest.update(bytes);
    return {
      digest: digest.digest('hex') as Digest,
      abi: this.#abi.name,
      entry,
      program: {
        cores: metered.cores.map(compileCore),
        mainCore,
        memories: metered.memories,
        component,
      },
      codeBytes: metered.cores.reduce((sum, { plain }) => sum + plain.bytes.length, 0),
      isOptimised: true,
    };
  }

  /** One run of the entry, by a guest that may have served before. */
  run(
    loaded: LoadedModule,
    site = '/suite',
    exchange: Exchange = new ProgramExchange({}, new Uint8Array(0)),
  ): Promise<RunReport> {
    const shares = { owner: site as OwnerKey, site, client: '192.0.2.7' };
    return Promise.resolve(this.#pool.acquire(loaded, shares).run(exchange, new World()));
  }

  drain(waitMs: number): Promise<void> {
    return this.#pool.drain(waitMs);
  }

  modeOf(loaded: LoadedModule, site = '/suite'): RestoreMode {
    return this.#pool.modeOf(loaded, site as OwnerKey);
  }

  /** Bytes of the guests that wait for their next run. */
  get idleBytes(): number {
    return this.#pool.idleBytes;
  }

  [Symbol.dispose](): void {
    this.#pool.close();
  }
}

function compileCore({ plain, cards, links, memories }: MeteredCore): ProgramCore {
  return {
    module: new WebAssembly.Module(plain.bytes),
    cardsModule: cards === undefined ? undefined : new WebAssembly.Module(cards.bytes),
    engine: { metered: factsOf(plain), cards: cards === undefined ? undefined : factsOf(cards) },
    links,
    memories,
  };
}

function factsOf({ bytes: _, ...facts }: MeteredModule): FormFacts {
  return facts;
}
