/**
 * Calls modules at the times of their folders' `[[cron]]`: each slot at most once over all daemons
 * that share a store, never two runs of one entry at a time. Edge: a timer.
 */
import { Counts } from '../../account/counts.ts';
import { OwnerQueue } from '../../account/owner-queue.ts';
import { mayHold } from '../../account/threshold.ts';
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey, ModulePath, OwnerKey } from '../../names.ts';
import type { CronEntry } from '../../site/settings/cron.ts';
import type { Site } from '../../site/table.ts';
import type { CronEnd, CronOrder } from '../../threads/messages.ts';
import type { CronClaims, Slot } from './claims.ts';
import type { LastHosts } from './last-hosts.ts';
import { delayOf, entryIdOf, graceMs, newestSlot, slotAfter } from './slots.ts';

export interface SchedulerOptions {
  readonly claims: CronClaims;
  readonly hosts: Pick<LastHosts, 'hostFor'>;
  /**
   * The newest site of a folder, looked at if it was not lately, with a verdict about the module.
   * Rejects when it is away.
   */
  readonly siteOf: (folderKey: FolderKey, modulePath: ModulePath) => Promise<Site>;
  /** Rejects when nobody knows how the run ended. */
  readonly run: (order: CronOrder) => Promise<CronEnd>;
  readonly journal: Journal;
  readonly limits: { readonly cronEntriesMax: number; readonly cronRunsMax: number };
  /** Milliseconds since the Unix epoch, which may jump. */
  readonly nowMs: () => number;
}

interface Entry {
  readonly entry: CronEntry;
  readonly id: string;
  /** Undefined: never again. */
  nextMs: number | undefined;
  isRunning: boolean;
}

interface Folder {
  readonly owner: OwnerKey;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Why it rests, as was told; undefined: it does not. */
  restReason?: string | undefined;
}

const lookMs = 1_000;
/** Of every run that may be at once, so many may wait. */
const queuedPerRun = 50;

export class CronScheduler {
  readonly #options: SchedulerOptions;
  readonly #folders = new Map<FolderKey, Folder>();
  readonly #queue: OwnerQueue;
  readonly #underWay = new Set<Promise<void>>();
  readonly #entryCounts = new Counts<OwnerKey>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { cronRunsMax } = options.limits;
    this.#queue = new OwnerQueue({
      runningMax: cronRunsMax,
      queuedMax: cronRunsMax * queuedPerRun,
      nowMs: options.nowMs,
    });
  }

  /** Tells what the last daemon left unfinished, and begins to look at the clock. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => this.look(), lookMs);
    this.#timer.unref();
    const { claims, journal } = this.#options;
    try {
      for (const { folderKey, modulePath, scheduledAtMs } of await claims.takeUnfinished()) {
        journal.tell('cron-unknown', { folderKey, modulePath, scheduledAt: isoOf(scheduledAtMs) });
      }
    } catch (error) {
      journal.tell('cron-trouble', { reason: describeError(error) });
    }
  }

  /** Begins nothing more; what has begun goes on. */
  rest(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  /** Resolves when all that has begun is over. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Takes the schedule of a folder as its newest site has it. */
  learn(site: Site): void {
    const { folderKey, owner } = site;
    const known = this.#folders.get(folderKey);
    const list = site.failure === undefined ? (site.settings?.cron ?? []) : [];
    if (known === undefined && list.length === 0) return;
    if (!this.#hasRoom(owner, { before: known?.entries.size ?? 0, now: list.length })) {
      const { cronEntriesMax } = this.#options.limits;
      const reason =
        `there may be ${cronEntriesMax} entries in all, of one owner as many as are left for ` +
        'the others: received more';
      this.#options.journal.tell('cron-rests', { folderKey, reason });
      return;
    }
    const entries = new Map<string, Entry>();
    const added: Entry[] = [];
    for (const entry of list) {
      const id = entryIdOf(entry);
      const kept = known?.entries.get(id);
      const isSame = kept?.entry.makesUp === entry.makesUp;
      const state = kept !== undefined && isSame ? kept : this.#open(entry, id);
      if (state !== kept) added.push(state);
      entries.set(id, state);
    }
    this.#entryCounts.add(owner, entries.size - (known?.entries.size ?? 0));
    if (entries.size === 0) this.#folders.delete(folderKey);
    else this.#folders.set(folderKey, { owner, entries, restReason: known?.restReason });
    for (const state of added) this.#track(this.#welcome(folderKey, state));
  }

  /** Whether the entries of one folder may become so many. */
  #hasRoom(owner: OwnerKey, { before, now }: { readonly before: number; readonly now: number }) {
    if (now <= before) return true;
    const held = this.#entryCounts.total - before;
    const own = this.#entryCounts.of(owner) - before;
    return mayHold({ max: this.#options.limits.cronEntriesMax, held, own, added: now });
  }

  /** One look at the clock: begins what is due. */
  look(): void {
    if (this.#isStopped) return;
    const nowMs = this.#options.nowMs();
    for (const [folderKey, { entries }] of this.#folders) {
      for (const state of entries.values()) this.#lookAt(folderKey, state, nowMs);
    }
  }

  /**
   * Runs an entry now, for whoever asks, on top of its times: it claims no slot, and so takes none
   * away. Rejects where it runs already, or the folder rests.
   */
  async runNow(folderKey: FolderKey, wanted: CronEntry): Promise<CronEnd> {
    const { hosts, journal, nowMs, run, siteOf } = this.#options;
    const state = this.#folders.get(folderKey)?.entries.get(entryIdOf(wanted));
    if (state === undefined || this.#isStopped) throw notNow('the daemon must know it');
    if (state.isRunning) throw notNow('the run before it must be over');
    state.isRunning = true;
    try {
      const { modulePath, schedule, target } = state.entry;
      const site = await siteOf(folderKey, modulePath);
      const host = await hosts.hostFor(site);
      if (host.kind === 'rests') throw notNow(host.reason);
      const scheduledAt = isoOf(nowMs());
      const { hostName } = host;
      const end = await run({ site, modulePath, target, schedule, scheduledAt, hostName });
      journal.tell('cron-ran', { folderKey, modulePath, scheduledAt, ...end });
      return end;
    } finally {
      state.isRunning = false;
    }
  }

  #open(entry: CronEntry, id: string): Entry {
    return { entry, id, nextMs: slotAfter(entry, this.#options.nowMs()), isRunning: false };
  }

  #lookAt(folderKey: FolderKey, state: Entry, nowMs: number): void {
    const { nextMs: slotMs, entry, id } = state;
    if (slotMs === undefined || nowMs < slotMs + delayOf(folderKey, id)) return;
    const newest = newestSlot(entry, { afterMs: slotMs - 1, untilMs: nowMs }) ?? slotMs;
    state.nextMs = slotAfter(entry, Math.max(newest, nowMs));
    const isLate = nowMs - newest > graceMs;
    if (isLate && !entry.makesUp) this.#skip(folderKey, state, newest, 'it was missed');
    else this.#begin(folderKey, state, newest);
  }

  /** An entry that is new to this daemon: what was missed while nobody was there. */
  async #welcome(folderKey: FolderKey, state: Entry): Promise<void> {
    const { claims, journal, nowMs } = this.#options;
    try {
      const untilMs = nowMs();
      const sinceMs = await claims.knownSince(folderKey, state.id, untilMs);
      if (!state.entry.makesUp) return;
      const claimedMs = await claims.newestClaimed(folderKey, state.id);
      const afterMs = Math.max(sinceMs, claimedMs ?? 0);
      const missed = newestSlot(state.entry, { afterMs, untilMs });
      if (missed !== undefined) this.#begin(folderKey, state, missed);
    } catch (error) {
      journal.tell('cron-trouble', { reason: describeError(error) });
    }
  }

  #begin(folderKey: FolderKey, state: Entry, scheduledAtMs: number): void {
    const folder = this.#folders.get(folderKey);
    if (folder === undefined || this.#isStopped) return;
    if (state.isRunning) {
      this.#skip(folderKey, state, scheduledAtMs, 'the run before it is not over');
      return;
    }
    state.isRunning = true;
    const running = this.#queue
      .pass(folder.owner, () => this.#run(state, { folderKey, entryId: state.id, scheduledAtMs }))
      .catch((error: unknown) => {
        this.#skip(folderKey, state, scheduledAtMs, describeError(error));
      })
      .finally(() => {
        state.isRunning = false;
      });
    this.#track(running);
  }

  async #run(state: Entry, slot: Slot): Promise<void> {
    const { claims, hosts, journal, run, siteOf } = this.#options;
    const { folderKey, scheduledAtMs } = slot;
    const site = await siteOf(folderKey, state.entry.modulePath);
    this.learn(site);
    // The file may say otherwise by now.
    if (this.#folders.get(folderKey)?.entries.get(state.id) !== state) return;
    const host = await hosts.hostFor(site);
    if (this.#tellRest(folderKey, host.kind === 'rests' ? host.reason : undefined)) return;
    if (host.kind === 'rests' || this.#isStopped) return;
    const { modulePath, schedule, target } = state.entry;
    if (!(await claims.claim(slot, modulePath))) return;
    const scheduledAt = isoOf(scheduledAtMs);
    try {
      const { hostName } = host;
      const end = await run({ site, modulePath, target, schedule, scheduledAt, hostName });
      const { status, outcome, requestId } = end;
      journal.tell('cron-ran', { folderKey, modulePath, scheduledAt, status, outcome, requestId });
    } catch {
      journal.tell('cron-unknown', { folderKey, modulePath, scheduledAt });
    }
    try {
      await claims.finish(slot, modulePath);
    } catch (error) {
      // The claim stays, so it is not called again; after a restart its end counts as unknown.
      journal.tell('cron-trouble', { reason: describeError(error) });
    }
  }

  /** Whether the folder rests; each reason is told once. */
  #tellRest(folderKey: FolderKey, reason: string | undefined): boolean {
    const folder = this.#folders.get(folderKey);
    if (folder === undefined) return true;
    if (reason !== undefined && folder.restReason !== reason) {
      this.#options.journal.tell('cron-rests', { folderKey, reason });
    }
    folder.restReason = reason;
    return reason !== undefined;
  }

  #skip(folderKey: FolderKey, { entry }: Entry, scheduledAtMs: number, reason: string): void {
    const { modulePath } = entry;
    const scheduledAt = isoOf(scheduledAtMs);
    this.#options.journal.tell('cron-skipped', { folderKey, modulePath, scheduledAt, reason });
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }
}

function notNow(rule: string): TerrafirmaError {
  return new TerrafirmaError('admin-request', `Cannot run the schedule now: ${rule}`);
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
