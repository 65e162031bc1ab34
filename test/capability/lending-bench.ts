/** The capabilities of one thread and their control sides, in one process, with real parts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import { ControlSides, type ControlSidesWorld } from '../../src/capability/control.ts';
import type { ThreadWorld } from '../../src/capability/definition.ts';
import { ThreadCapabilities } from '../../src/capability/lending.ts';
import type { GuestLogTag } from '../../src/capability/log/guest-log.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { MountGuards } from '../../src/outside/mount/mount-guards.ts';
import { storePath } from '../../src/outside/store/sqlite-schema.ts';
import { type StoreKeeper, startStoreKeeper } from '../../src/outside/store/store-keeper.ts';

/** Call it once, at the top of a test file. */
export function useLending(): LendingBench {
  const bench = new LendingBench();
  beforeEach(() => bench.start());
  afterEach(() => bench.stop());
  return bench;
}

export interface OpenedThread {
  readonly thread: ThreadCapabilities;
  readonly control: ControlSides;
  readonly lines: [string, GuestLogTag][];
  /** Names of the capabilities that asked their control side, in order. */
  readonly asked: string[];
}

export class LendingBench {
  directory = '';
  readonly #opened: OpenedThread[] = [];
  readonly #stores: StoreKeeper[] = [];

  start(): void {
    this.directory = mkdtempSync(join(tmpdir(), 'terrafirma-lending-'));
  }

  async stop(): Promise<void> {
    for (const { thread, control } of this.#opened.splice(0)) {
      await thread.close();
      await control.close();
    }
    for (const store of this.#stores.splice(0)) await store.close();
    rmSync(this.directory, { recursive: true });
  }

  open(
    environment: Readonly<Record<string, string>> = {},
    more: {
      readonly world?: Partial<ThreadWorld>;
      readonly control?: Partial<ControlSidesWorld>;
    } = {},
  ): OpenedThread {
    const config = this.#configOf(environment);
    const { limits } = config;
    const lines: [string, GuestLogTag][] = [];
    const asked: string[] = [];
    const store = startStoreKeeper({
      databasePath: storePath(this.directory),
      synchronous: 'normal',
      limits,
      onTrouble: (message) => {
        throw new Error(message);
      },
    });
    this.#stores.push(store);
    const shared = createSharedAccount({ threads: 1, bytesMax: 1024 ** 3, memoriesMax: 100 });
    const control = new ControlSides({
      config,
      journal: openJournal(),
      account: new Account(shared, 'control'),
      resolver: {
        addresses: () => Promise.resolve([Uint8Array.of(192, 0, 2, 1)]),
        exchange: (query) => Promise.resolve(query),
      },
      store,
      tell: (news) => thread.hear(news),
      ...more.control,
    });
    const thread = new ThreadCapabilities(
      {
        config,
        guards: new MountGuards(limits),
        account: new Account(shared, 0),
        servedPorts: [],
        isRunAlone: false,
        onGuestLine: (_level, message, tag) => lines.push([message, tag]),
        ...more.world,
      },
      {
        starts: control.connectThread().starts,
        ask: (question) => {
          asked.push(question.capability);
          return control.answer(question);
        },
      },
    );
    const opened = { thread, control, lines, asked };
    this.#opened.push(opened);
    return opened;
  }

  #configOf(environment: Readonly<Record<string, string>>): Config {
    const { config } = loadConfig({
      flags: [],
      machine: {
        environment: {
          TERRAFIRMA_FOLDER: this.directory,
          TERRAFIRMA_STATE_DIRECTORY: this.directory,
          ...environment,
        },
        homeDirectory: this.directory,
        workingDirectory: this.directory,
        parallelism: 1,
        memoryBytes: 8 * 1024 ** 3,
      },
    });
    return config;
  }
}
