/** A real publisher over a real folder and state directory, and what its log said. */

import { mkdtempSync, rmSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultLimits, type Limits, type WatchConfig } from '../../src/config/config.ts';
import { Modules, type ModulesOptions } from '../../src/deploy/build/modules.ts';
import { Trial } from '../../src/deploy/build/trial.ts';
import type { DeployConfig } from '../../src/deploy/deploy-config.ts';
import { openStoreOf } from '../../src/deploy/keep/pins.ts';
import { openState } from '../../src/deploy/keep/state.ts';
import { Publisher } from '../../src/deploy/publish.ts';
import type { EventKind, EventLevel, Events } from '../../src/journal/events.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import type { LocatedFolder } from '../../src/outside/mount/locate.ts';
import { MountGuards } from '../../src/outside/mount/mount-guards.ts';
import { SealingKeys } from '../../src/outside/secrets/sealing-keys.ts';
import type { SharedStore } from '../../src/outside/store/contract.ts';
import type { ReadVariable } from '../../src/site/fastly/resolve.ts';
import type { Site, SiteModule } from '../../src/site/table.ts';
import type { Digest } from '../../src/threads/messages.ts';

export interface LogEntry {
  readonly kind: EventKind;
  readonly level: EventLevel;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Everything that was told. */
export class LogBook implements Journal {
  readonly entries: LogEntry[] = [];
  readonly #journal = openJournal(({ facts: fields, kind, level, text }) =>
    this.entries.push({ kind, level, fields, text }),
  );

  tell<K extends EventKind>(kind: K, facts: Events[K]): void {
    this.#journal.tell(kind, facts);
  }
  /** Entries whose text and fields, as one line of JSON, match. */
  matching(pattern: RegExp): readonly LogEntry[] {
    return this.entries.filter((entry) => pattern.test(JSON.stringify(entry)));
  }
}

/** A directory under the system's temporary one, gone at the end of the scope. */
export class Scratch implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'terrafirma-deploy-'));

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }
  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Compiled modules over a store, with real trials and all that they need. */
export async function openModules(
  scratch: Scratch,
  parts: Pick<ModulesOptions, 'store' | 'builder'> & Partial<ModulesOptions>,
): Promise<Modules> {
  const journal = new LogBook();
  // Several of them share one state, as no daemons do.
  const config = testConfig(scratch.path('state'), { probationMs: 0 });
  const { store: _, ...state } = await openState(config, journal);
  return new Modules({
    ...state,
    trial: new Trial(),
    journal,
    compiledBytesMax: 1_000_000,
    ...parts,
  });
}

/** Asks until the answer is not undefined or false; generous, because it is no measure. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  waitMsMax = 60_000,
): Promise<T> {
  const deadlineMs = performance.now() + waitMsMax;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error(`not found within ${waitMsMax} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function testConfig(stateDirectory: string, limits: Partial<Limits> = {}): DeployConfig {
  return {
    stateDirectory,
    botUser: undefined,
    grants: { outbound: 'public', keyValue: true, files: true },
    watch: { quietMs: 40, quietNetworkMs: 40, quietClosedMs: 40, pollMs: 60, pollNetworkMs: 60 },
    // A machine with other work to do may take longer for a first look than visitors wait.
    limits: { ...defaultLimits, verdictWaitMs: 60_000, ...limits },
  };
}

export function locate(directory: string, watch: 'auto' | 'poll' | 'events' = 'poll') {
  const mount = { prefix: '/folder', directory, watch };
  return { key: '/folder' as FolderKey, directory, mount } satisfies LocatedFolder;
}

export function pathOf(text: string): ModulePath {
  return text as ModulePath;
}

export interface WorldOptions {
  readonly stateDirectory: string;
  readonly limits?: Partial<Limits>;
  readonly nowMs?: () => number;
  readonly watch?: Partial<WatchConfig>;
  /** Left out: folders may have none. */
  readonly variable?: ReadVariable;
  /** One of several nodes over one store, which somebody else closes. */
  readonly node?: { readonly name: string; readonly shared: SharedStore };
}

export class World implements AsyncDisposable {
  readonly publisher: Publisher;
  readonly journal: LogBook;
  /** Every site that was told, in order. */
  readonly published: Site[] = [];

  readonly #ownStore: SharedStore | undefined;

  private constructor(publisher: Publisher, journal: LogBook, ownStore: SharedStore | undefined) {
    this.publisher = publisher;
    this.#ownStore = ownStore;
    this.journal = journal;
    publisher.onPublish((site) => this.published.push(site));
  }

  static async open(options: WorldOptions): Promise<World> {
    const journal = new LogBook();
    const tested = testConfig(options.stateDirectory, options.limits);
    const config = { ...tested, watch: { ...tested.watch, ...options.watch } };
    const guards = new MountGuards(config.limits);
    const relocate = async (located: LocatedFolder): Promise<LocatedFolder> => ({
      ...located,
      directory: await realpath(located.directory),
    });
    const sealingKeys = new SealingKeys(options.stateDirectory);
    const { nowMs } = options;
    const { node } = options;
    const ownStore = node === undefined ? openStoreOf(options.stateDirectory) : undefined;
    const shared = node?.shared ?? ownStore;
    if (shared === undefined) throw new Error('a world must have a store');
    const clock = nowMs === undefined ? {} : { nowMs };
    return new World(
      await Publisher.open({
        ...{ config, journal, guards, relocate, sealingKeys, shared, ...clock },
        node: node?.name,
        variable: options.variable ?? (() => 'closed'),
      }),
      journal,
      ownStore,
    );
  }

  /** What the newest site says of a module, once it says something that `matches`. */
  async moduleWhen(
    located: LocatedFolder,
    path: string,
    matches: (module: SiteModule | undefined) => boolean,
  ): Promise<SiteModule | undefined> {
    const site = await until(async () => {
      const newest = await this.publisher.siteOf(located);
      return matches(newest.modules.get(pathOf(path))) && newest;
    });
    return site.modules.get(pathOf(path));
  }

  /** Waits until `path` serves exactly this version. */
  async untilServes(located: LocatedFolder, path: string, digest: Digest): Promise<void> {
    await this.moduleWhen(
      located,
      path,
      (module) => module?.kind === 'serving' && module.digest === digest,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.publisher.close();
    await this.#ownStore?.close();
  }
}
