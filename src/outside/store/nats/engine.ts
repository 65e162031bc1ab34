/**
 * The shared store in NATS JetStream, as one node has it: opens the installation, writes, reads,
 * lists, watches. Edge: NATS, through the parts beside it; docs/cluster.md for operators.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Digest } from '../../../names.ts';
import {
  type Entry,
  type ListedKey,
  type ListOptions,
  type SharedStore,
  type Space,
  StoreError,
} from '../contract.ts';
import type { StoreLimits, WriteAnswer, WriteRequest } from '../messages.ts';
import { unavailable } from '../waiting-writes.ts';
import { ClockCheck } from './clock-check.ts';
import { Delivery } from './delivery.ts';
import type { WrittenRow } from './draft.ts';
import { EngineCounts } from './engine-counts.ts';
import { type KnownInstallation, openInstallation } from './installation.ts';
import { KnownRows } from './known-rows.ts';
import { LeaderReads } from './leader-reads.ts';
import { Link, NoAnswer } from './link.ts';
import { Listing } from './listing.ts';
import { readNamedDigests } from './named-digests.ts';
import { NatsBlobs } from './nats-blobs.ts';
import { type Listener, Notices, type Told } from './notices.ts';
import { type Place, type Places, subjectOf } from './places.ts';
import { Pulse } from './pulse.ts';
import { Recounts } from './recounts.ts';
import type { RowSink } from './row-sink.ts';
import { goneInMs, type Row } from './rows.ts';
import type { ClusterSettings } from './settings.ts';
import { errorAnswer, SpaceCommits } from './space-commits.ts';

export interface NatsEngineOptions {
  readonly settings: ClusterSettings;
  readonly limits: StoreLimits;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  readonly known: KnownInstallation | undefined;
  /** Never makes an installation: for whoever only looks. */
  readonly onlyLooks?: boolean;
  readonly sink?: RowSink;
  readonly counts?: EngineCounts;
  readonly onOpened?: (known: KnownInstallation) => void;
  /** A commit was acknowledged under this sequence. */
  readonly onSequence?: (stream: string, sequence: number) => void;
  readonly onTrouble: (reason: string) => void;
  /** See `ClockCheckOptions`. */
  readonly onClock?: (offsetMs: number) => void;
  readonly onState: () => void;
}

export interface EngineReadOptions {
  readonly fresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** By `performance.now()`. */
  readonly dueMs: number;
}

interface Opened {
  readonly places: Places;
  readonly pulse: Pulse;
  readonly blobs: NatsBlobs;
  readonly clock: ClockCheck | undefined;
}

const openRetryMs = 500;
/** What is known of a followed space is asked for again after this time: a notice may be lost. */
const trustedMs = 30_000;
const spacesRemembered = 10_000;

export class NatsEngine {
  readonly #options: NatsEngineOptions;
  readonly #counts: EngineCounts;
  readonly #link: Link;
  readonly #rows = new KnownRows(steadyMs);
  readonly #reads: LeaderReads;
  readonly #notices: Notices;
  readonly #commits: SpaceCommits;
  readonly #listing: Listing;
  /** The newest sequence of a space that this node knows of, by its prefix. */
  readonly #newest = new LRUCache<string, number>({ max: spacesRemembered });
  readonly #opened = Promise.withResolvers<Opened>();
  #open: Opened | undefined;
  #broken: StoreError | undefined;

  constructor(options: NatsEngineOptions) {
    this.#options = options;
    this.#counts = options.counts ?? new EngineCounts();
    this.#link = new Link(options.settings, {
      onConnected: () => this.#onConnected(),
      onDisconnected: () => this.#onDisconnected(),
      onTrouble: options.onTrouble,
    });
    const link = this.#link;
    const rows = this.#rows;
    const onRead = (): void => this.#counts.noteLeaderRead();
    this.#reads = new LeaderReads({ link, rows, nowMs: steadyMs, onRead });
    const reads = this.#reads;
    const places = (): Places => this.#places;
    const onTold = (told: Told): void => this.#onTold(told);
    this.#notices = new Notices({ link, places, onTold, nowMs: steadyMs });
    const newestOf = ({ prefix }: Place): number => this.#newest.get(prefix) ?? 0;
    const followedSince = (place: Place) => this.#notices.followedSince(place);
    this.#listing = new Listing({ link, newestOf, followedSince, nowMs: steadyMs });
    const recounts = new Recounts({ listing: this.#listing, link, reads, nowMs: options.nowMs });
    this.#commits = new SpaceCommits({
      ...{ places, reads, rows, limits: options.limits, nowMs: options.nowMs, steadyMs },
      delivery: new Delivery(link, steadyMs),
      waitMs: options.settings.waitMs,
      onCommitted: (place, written) => this.#onCommitted(place, written),
      onSilence: () => this.#open?.pulse.noteSilence(),
      recount: (place, dueMs) => recounts.count(place, dueMs),
    });
    this.#opened.promise.catch(() => undefined);
    void this.#openSoon();
  }

  get state(): SharedStore['state'] {
    if (this.#broken !== undefined) return 'refused';
    const isReady = this.#link.isConnected && this.#open?.pulse.isDown === false;
    return isReady ? 'ready' : 'waiting';
  }

  /** Why it is `refused`. */
  get brokenBy(): StoreError | undefined {
    return this.#broken;
  }

  /** The server that it is connected to; empty without a connection. */
  get server(): string {
    return this.#link.server;
  }

  /** For the operator's commands. Rejects with StoreError. */
  async ask(api: string): Promise<unknown> {
    await this.#ready(steadyMs() + this.#options.settings.waitMs);
    return this.#link.ask(api, undefined, this.#options.settings.waitMs);
  }

  /**
   * Resolves when the installation is open. Rejects with StoreError: `refused` where it is that,
   * `unavailable` when it takes longer than `limitMs`.
   *
   * @param reason What is in the way.
   */
  async openWithin(limitMs: number, reason: () => string): Promise<Places> {
    const late = wait(limitMs, 'late' as const, { ref: false });
    const opened = await Promise.race([this.#opened.promise, late]);
    if (opened !== 'late') return opened.places;
    throw unavailable(`its engine must be reached: received ${reason()}`);
  }

  /** Resolves to the answer, errors of the store among them. `dueMs`: by `performance.now()`. */
  async write(request: WriteRequest, dueMs: number): Promise<WriteAnswer> {
    const startedAtMs = steadyMs();
    const answer = await this.#write(request, dueMs);
    const end = answer.kind === 'error' ? answer.error.kind : answer.kind;
    this.#counts.noteWrite(end, steadyMs() - startedAtMs);
    return answer;
  }

  async #write(request: WriteRequest, dueMs: number): Promise<WriteAnswer> {
    try {
      await this.#ready(dueMs);
      return await this.#commits.write(request, dueMs);
    } catch (error) {
      return errorAnswer(request, error);
    }
  }

  /** In the order of the keys. Rejects with StoreError. */
  async read(
    space: Space,
    keys: readonly Uint8Array[],
    options: EngineReadOptions,
  ): Promise<readonly (Entry | undefined)[]> {
    await this.#ready(options.dueMs);
    const place = this.#places.of(space);
    if (options.fresh !== true) await this.#follow(place);
    return Promise.all(keys.map((key) => this.#readOne(place, key, options)));
  }

  /** Rejects with StoreError. */
  async list(
    space: Space,
    options: ListOptions,
    dueMs: number,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    await this.#ready(dueMs);
    const place = this.#places.of(space);
    await this.#follow(place);
    return this.#listing.page(place, options, { dueMs, wallMs: this.#options.nowMs() });
  }

  /** Resolves when every commit from then on is told. Rejects with StoreError. */
  async watch(space: Space, listener: Listener): Promise<void> {
    await this.#opened.promise;
    await this.#notices.watch(this.#places.of(space), listener).catch(throwUnavailable);
  }

  unwatch(space: Space, listener: Listener): void {
    if (this.#open !== undefined) this.#notices.unwatch(this.#places.of(space), listener);
  }

  /** Rejects with StoreError. */
  async blobs(): Promise<NatsBlobs> {
    await this.#ready(steadyMs() + this.#options.settings.waitMs);
    return (await this.#opened.promise).blobs;
  }

  /** Which blobs the records of deploys name. Rejects with StoreError. */
  async namedDigests(): Promise<ReadonlySet<Digest>> {
    await this.#ready(steadyMs() + this.#options.settings.waitMs);
    return readNamedDigests(this.#link, this.#places);
  }

  async close(): Promise<void> {
    this.#break(unavailable('it was closed'));
    this.#open?.pulse.close();
    this.#open?.clock?.close();
    await this.#link.close();
  }

  get #places(): Places {
    if (this.#open === undefined) throw new Error('Cannot find a space: nothing is opened');
    return this.#open.places;
  }

  /** Connects, and opens the installation, as often as it takes. */
  async #openSoon(): Promise<void> {
    const { name, replicas, shards, waitMs } = this.#options.settings;
    while (this.#broken === undefined) {
      try {
        if (!this.#link.isConnected) await this.#link.open();
        const { known, onlyLooks = false } = this.#options;
        const installation = { link: this.#link, name, shards, replicas, known, onlyLooks };
        const { places, known: found } = await openInstallation(installation);
        if (this.#broken !== undefined) return;
        const blobs = new NatsBlobs({ link: this.#link, bucket: places.blobBucket });
        const pulse = new Pulse({
          ...{ link: this.#link, reads: this.#reads, places, waitMs, nowMs: steadyMs },
          onAlive: (index, leftMs) => this.#options.sink?.alive(index, leftMs),
          onChange: this.#options.onState,
        });
        this.#open = { places, blobs, pulse, clock: this.#checkClock(places) };
        this.#options.onOpened?.(found);
        this.#opened.resolve(this.#open);
        this.#options.onState();
        return;
      } catch (error) {
        if (error instanceof StoreError && error.kind === 'refused') return this.#break(error);
        // Nobody waits for this: whatever went wrong is told, and tried again.
        this.#options.onTrouble(error instanceof Error ? error.message : String(error));
        await wait(openRetryMs);
      }
    }
  }

  #checkClock({ controlStream: stream }: Places): ClockCheck | undefined {
    const { nowMs: wallMs, onClock: onOffset } = this.#options;
    if (onOffset === undefined) return undefined;
    return new ClockCheck({ link: this.#link, stream, wallMs, nowMs: steadyMs, onOffset });
  }

  /** Rejects with StoreError where there is nothing to wait for, or the time is over. */
  async #ready(dueMs: number): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#open === undefined) {
      const late = wait(Math.max(0, dueMs - steadyMs()), 'late' as const, { ref: false });
      if ((await Promise.race([this.#opened.promise, late])) === 'late') {
        throw unavailable('its engine must be reached: received nothing; nothing was stored');
      }
    }
    if (this.#open?.pulse.isDown === true) {
      throw unavailable('its engine has not answered lately; nothing was stored');
    }
  }

  async #readOne(
    place: Place,
    key: Uint8Array,
    options: EngineReadOptions,
  ): Promise<Entry | undefined> {
    const subject = subjectOf(place, key);
    const known = options.fresh === true ? undefined : this.#trusted(place, subject);
    if (known !== undefined) return this.#entryOf(known);
    const { dueMs, signal } = options;
    const row = await this.#reads
      .read(place.stream, subject, { dueMs, signal })
      .catch((error: unknown) => {
        if (steadyMs() >= dueMs) this.#open?.pulse.noteSilence();
        throw error;
      });
    this.#rows.set(subject, row);
    if (this.#notices.followedSince(place) !== undefined) {
      this.#options.sink?.put(place, key, row);
    }
    return this.#entryOf(row);
  }

  /** What is true until something else is said. */
  #trusted(place: Place, subject: string): Row | undefined {
    const known = this.#rows.get(subject);
    if (known === undefined) return undefined;
    const sinceMs = this.#notices.followedSince(place) ?? Number.POSITIVE_INFINITY;
    const isTrue = known.atMs >= sinceMs && steadyMs() - known.atMs < trustedMs;
    return isTrue && this.#open?.pulse.isAlive(place.streamIndex) === true ? known.row : undefined;
  }

  #entryOf({ entry, sequence }: Row): Entry | undefined {
    if (entry === undefined) return undefined;
    const { expiresAtMs, meta, value } = entry;
    if (expiresAtMs !== undefined && expiresAtMs <= this.#options.nowMs()) return undefined;
    return {
      value,
      revision: sequence,
      ...(meta === undefined ? {} : { meta }),
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    };
  }

  async #follow(place: Place): Promise<void> {
    // Without notices it is read from the leader each time.
    await this.#notices.follow(place).catch(() => undefined);
  }

  #onCommitted(place: Place, written: readonly WrittenRow[]): void {
    const isFollowed = this.#notices.followedSince(place) !== undefined;
    for (const { subject, key, row } of written) {
      this.#rows.raise(subject, row.sequence, goneInMs(row.entry, this.#options.nowMs()));
      this.#rows.set(subject, row);
      if (isFollowed && key !== undefined) this.#options.sink?.put(place, key, row);
    }
    const sequence = written.at(-1)?.row.sequence ?? 0;
    this.#noteNewest(place.prefix, sequence);
    this.#options.onSequence?.(place.stream, sequence);
    this.#open?.pulse.noteAnswer();
  }

  #onTold({ subject, sequence, headers }: Told): void {
    const isNews = this.#rows.raise(subject, sequence, goneInMs(headers, this.#options.nowMs()));
    if (isNews || this.#rows.get(subject) === undefined) this.#options.sink?.drop(subject);
    this.#noteNewest(subject.slice(0, subject.lastIndexOf('.') + 1), sequence);
  }

  #noteNewest(prefix: string, sequence: number): void {
    if (sequence <= (this.#newest.get(prefix) ?? 0)) return;
    this.#newest.set(prefix, sequence);
    this.#listing.forget(prefix);
  }

  #onConnected(): void {
    this.#forgetAll();
    // Not before: what was true when the connection was lost may be read for longer, if allowed.
    this.#options.sink?.clear();
    this.#notices.tellReset();
    this.#options.onState();
  }

  #onDisconnected(): void {
    this.#counts.noteConnectionLost();
    this.#forgetAll();
    this.#open?.pulse.noteLost();
    this.#options.onState();
  }

  #forgetAll(): void {
    this.#rows.clear();
    this.#listing.clear();
  }

  #break(error: StoreError): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#commits.close(error);
    this.#opened.reject(error);
    this.#options.onState();
  }
}

function throwUnavailable(cause: unknown): never {
  if (!(cause instanceof NoAnswer)) throw cause;
  throw unavailable('its engine must answer: received nothing', { cause });
}

function steadyMs(): number {
  return performance.now();
}
