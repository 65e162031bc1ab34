/**
 * What guests store, through the thread's client of the shared store. Here stand the limits of a
 * run and of what waits; the limits of what is stored are the store's own.
 */
import type { Account } from '../../account/account.ts';
import { Counts } from '../../account/counts.ts';
import { mayHold } from '../../account/threshold.ts';
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import type { KeyValueOp } from '../../journal/counter-fields.ts';
import { otherRow } from '../../journal/counters.ts';
import { type OwnerKey, ownerOf } from '../../names.ts';
import type { SharedStore } from '../../outside/store/contract.ts';
import { filesSpace, moduleSpace, namedSpace } from '../../outside/store/spaces.ts';
import type { CapabilityCounters, RunIdentity } from '../definition.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { KeyValue, KeyValueStore, StoreChange } from './contract.ts';
import { isStoreGranted, requireOwnStore } from './grant.ts';
import { asRefusal, type RunDoor, RunStore } from './run-store.ts';
import { tracedStore } from './traced-store.ts';

export type KeyValueLimits = Pick<
  Limits,
  'kvKeyBytesMax' | 'kvValueBytesMax' | 'kvOperationsPerRunMax' | 'kvQueuedBytesMax'
>;

export interface KeyValueClientOptions {
  readonly store: SharedStore;
  readonly limits: KeyValueLimits;
  /** Where what waits is charged to its owner; left out where a run is alone in its process. */
  readonly account?: Account | undefined;
  /** How long a write may wait for its answer; left out: as long as a lost writer takes. */
  readonly waitMs?: number | undefined;
  readonly counters?: Pick<CapabilityCounters, 'noteKeyValue'> | undefined;
}

/** How long the store may take for an answer, when its writer has to be replaced. */
const writeWaitMs = 10_000;

export type KeyValueRun = Pick<
  RunIdentity,
  'counterRow' | 'folderKey' | 'modulePath' | 'siteSettings' | 'spans'
>;

/** One a serving thread. Who made the store closes it. */
export class KeyValueClient {
  readonly store: SharedStore;
  readonly limits: KeyValueLimits;
  /** How long a write may wait for its answer. */
  readonly wait: { readonly deadlineMs: number };
  readonly counters: KeyValueClientOptions['counters'];
  readonly #account: Account | undefined;
  readonly #queuedBytes = new Counts<OwnerKey>();

  constructor(options: KeyValueClientOptions) {
    const { store, limits, account, counters, waitMs = writeWaitMs } = options;
    this.store = store;
    this.counters = counters;
    this.wait = { deadlineMs: waitMs };
    this.limits = limits;
    this.#account = account;
  }

  /** What one run reaches: operations are counted from zero. */
  forRun(run: KeyValueRun): KeyValue {
    return new RunKeyValue(this, run);
  }

  /**
   * @internal Counts `bytes` as waiting until `work` has ended. Of what may wait, an owner gets no
   * more than is left for the others. Rejects with CapabilityRefusal `limit`.
   */
  queue<T>(owner: OwnerKey, bytes: number, work: () => Promise<T>): Promise<T> {
    const max = this.limits.kvQueuedBytesMax;
    const held = this.#queuedBytes.total;
    const own = this.#queuedBytes.of(owner);
    if (!mayHold({ max, held, own, added: bytes })) {
      const all = `at most ${inBytes(max)} may wait to be stored`;
      const rule = `${all}, of one owner as many as are left`;
      const received = `received ${bytes} bytes while ${own} of ${held} wait; try again`;
      const refusal = new CapabilityRefusal('limit', `Cannot store: ${rule}: ${received}`);
      return Promise.reject(refusal);
    }
    this.#count(owner, bytes);
    return work().then(
      (result) => {
        this.#count(owner, -bytes);
        return result;
      },
      (error: unknown) => {
        this.#count(owner, -bytes);
        throw asRefusal(error);
      },
    );
  }

  #count(owner: OwnerKey, bytes: number): void {
    this.#queuedBytes.add(owner, bytes);
    this.#account?.shareOf(owner).charge('key-value', bytes);
  }
}

/** What one run reaches: its module's own store, and those of the folder that it may reach. */
class RunKeyValue implements KeyValue, RunDoor {
  operations = 0;
  readonly store: SharedStore;
  readonly limits: KeyValueLimits;
  readonly wait: RunDoor['wait'];
  readonly #client: KeyValueClient;
  readonly #run: KeyValueRun;
  readonly #own: RunStore;

  constructor(client: KeyValueClient, run: KeyValueRun) {
    const { spans } = run;
    this.store = spans === undefined ? client.store : tracedStore(client.store, spans);
    this.limits = client.limits;
    this.wait = client.wait;
    this.#client = client;
    this.#run = run;
    this.#own = new RunStore(this, moduleSpace(run.folderKey, run.modulePath));
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.#granted().get(key))?.value;
  }

  insert(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    return this.#wasAbsent('put', key, value);
  }

  insertIfAbsent(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    return this.#wasAbsent('add', key, value);
  }

  append(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    return this.#wasAbsent('append', key, value);
  }

  async remove(key: Uint8Array): Promise<boolean> {
    return (await this.#granted().change({ key, op: 'delete' })).before !== 0;
  }

  get own(): KeyValueStore {
    return this.#granted();
  }

  named(name: string): KeyValueStore | undefined {
    const { folderKey, modulePath, siteSettings } = this.#run;
    if (siteSettings === undefined || !isStoreGranted(siteSettings, modulePath, name)) {
      return undefined;
    }
    return new RunStore(this, namedSpace(folderKey, name));
  }

  get data(): KeyValueStore | undefined {
    const { folderKey, modulePath, siteSettings } = this.#run;
    if (siteSettings?.modules.get(modulePath)?.data !== true) return undefined;
    return new RunStore(this, filesSpace(folderKey, modulePath));
  }

  note(op: KeyValueOp): void {
    this.#client.counters?.noteKeyValue(this.#run.counterRow ?? otherRow, op);
  }

  queue<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    return this.#client.queue(ownerOf(this.#run.folderKey), bytes, work);
  }

  async #wasAbsent(op: StoreChange['op'], key: Uint8Array, value: Uint8Array): Promise<boolean> {
    return (await this.#granted().change({ key, op, value })).before === 0;
  }

  /** @throws CapabilityRefusal `forbidden` where the folder grants no stores at all */
  #granted(): RunStore {
    const { modulePath, siteSettings } = this.#run;
    if (siteSettings !== undefined) requireOwnStore(siteSettings, modulePath);
    return this.#own;
  }
}
