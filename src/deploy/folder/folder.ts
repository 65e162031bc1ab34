/**
 * One folder in use: looks at it again and again, has its modules judged, and has the newest
 * picture of it. The life of a deploy is `#look`. A folder that cannot be read keeps what it had.
 */
import { setImmediate } from 'node:timers/promises';
import { TerrafirmaError } from '../../errors.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../names.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import type { Site } from '../../site/table.ts';
import { Signal } from '../../threads/signal.ts';
import type { JudgeParts } from '../build/judge.ts';
import { noVerdict, Patience, type Wanted } from '../build/progress.ts';
import { commonOf, type FolderCommon, type FolderCommonParts } from '../common/folder-common.ts';
import { KeptModules, type KeptModulesParts } from '../keep/kept-modules.ts';
import { LookLoop } from '../look/loop.ts';
import type { FolderListing } from '../look/scan.ts';
import { soonest } from '../look/settle.ts';
import { chooseTiming, type FolderTiming, isNetworkType } from '../look/timing.ts';
import { FolderEvents, type WatchPlaces } from '../look/watch.ts';
import { Away, findFile } from './away.ts';
import { type FolderLook, lookAt } from './folder-look.ts';
import { FolderModules } from './modules.ts';
import { FolderPlace, type PlaceParts } from './place.ts';
import { Rhythm, type RhythmOptions } from './rhythm.ts';
import { FolderRules, type RulesParts } from './rules.ts';
import type { InForceParts } from './settings-in-force.ts';
import { type CounterRows, SitePicture } from './site-picture.ts';
import { isAllInSight, Stillness } from './stillness.ts';
import { FolderWalks, type WalksParts } from './walks.ts';

export interface FolderParts
  extends Omit<JudgeParts, 'directory' | 'fs' | 'moduleBytesMax' | 'owner'>,
    Pick<InForceParts, 'sealingKeys' | 'variables'>,
    Pick<FolderCommonParts, 'isClockTrusted' | 'node' | 'siteStores'>,
    Pick<RulesParts, 'variable'>,
    Pick<PlaceParts, 'isLocatedNow' | 'relocate'>,
    Pick<RhythmOptions, 'crowd'>,
    KeptModulesParts {
  readonly walks: WalksParts['walks'];
  readonly watches: WatchPlaces;
  readonly fs: GuardedFs;
  readonly nextGeneration: () => number;
  /** See `PictureOptions`. */
  readonly counterRows?: CounterRows;
  readonly onPublish: (site: Site) => void;
}

/** With kept versions, the first answer does not wait longer than this for what changed. */
const keptPatienceMs = 1_000;
export class WatchedFolder {
  readonly #parts: FolderParts;
  readonly #kept: KeptModules;
  readonly #common: FolderCommon | undefined;
  readonly #modules: FolderModules;
  readonly #picture: SitePicture;
  readonly #loop: LookLoop;
  readonly #events: FolderEvents;
  readonly #opened = Promise.withResolvers<void>();
  readonly #changed = new Signal();
  readonly #place: FolderPlace;
  #rules: FolderRules;
  #timing: FolderTiming;
  readonly #rhythm: Rhythm;
  readonly #stillness: Stillness;
  readonly #walks: FolderWalks;
  readonly #away: Away;
  #isSettled = false;
  #isOpen = false;
  #isClosed = false;
  #openedAtMs = 0;

  constructor(located: LocatedFolder, parts: FolderParts) {
    const { config, journal } = parts;
    this.#place = new FolderPlace(located, parts);
    this.#away = new Away(located.key, journal);
    this.#rhythm = new Rhythm(parts);
    this.#walks = new FolderWalks(parts, this.#rhythm);
    this.#stillness = new Stillness({ ...parts, located });
    this.#parts = parts;
    this.#kept = new KeptModules(located, parts);
    const { directory } = located;
    const owner = ownerOf(located.key);
    const judging = { ...parts, directory, owner, moduleBytesMax: config.limits.moduleBytesMax };
    const onChange = (): void => {
      this.#modules.retryNow();
      this.#loop.lookNow();
    };
    this.#common = commonOf(located, { ...parts, judging, kept: this.#kept, onChange });
    this.#modules = new FolderModules(located, {
      common: this.#common,
      limits: config.limits,
      journal,
      kept: this.#kept,
      judging,
      onVerdict: () => this.#takeVerdict(),
      onIdle: () => this.#takeVerdict(),
      onUnjudged: () => this.#loop.hint(),
    });
    this.#rules = FolderRules.open(located, parts, this.#common);
    this.#picture = new SitePicture(parts);
    this.#events = new FolderEvents({
      places: parts.watches,
      owner,
      onHint: () => this.#loop.hint(),
      onReady: () => (this.#loop.lookCount > 1 ? this.#loop.hint() : this.#loop.lookSoon()),
      onError: (error) => {
        const reason = error instanceof Error ? error.message : String(error);
        journal.tell('folder-polled', { folderKey: located.key, reason });
      },
      nowMs: parts.nowMs,
    });
    this.#timing = chooseTiming(config.watch, { isNetwork: false, mode: 'poll' });
    this.#loop = new LookLoop({
      look: (isPoll) => this.#lookSafely(isPoll),
      pollMs: () => this.#rhythm.pollMs(this.#timing, this.#events.hearsAll),
      quietMs: () => this.#timing.quietMs,
    });
  }

  /** Begins: what was kept first, then the first look. */
  async open(): Promise<void> {
    this.#openedAtMs = this.#parts.nowMs();
    // Where it was found just now, the first look need not wait for what was kept.
    const isHere = this.#parts.isLocatedNow === true && this.#common === undefined;
    if (isHere) this.#walks.begin(this.#place.located, this.#stillness);
    const record = await this.#kept.restore();
    if (record !== undefined) {
      await this.#rules.restore(record);
      this.#modules.restore(record.modules.keys());
    }
    await this.#common?.open();
    if (this.#kept.hasLive) setTimeout(() => this.#finishOpening(), keptPatienceMs).unref();
    this.#loop.lookNow();
  }

  /**
   * The newest site, after the first verdict.
   *
   * @throws TerrafirmaError: 'bad-manifest'; or 'folder-unreachable', 'folder-not-found' when it
   *   cannot be read and nothing was kept
   */
  async site(): Promise<Site> {
    await this.#opened.promise;
    await this.#wake();
    if (this.#isClosed) throw new TerrafirmaError('no-verdict');
    const { manifest } = this.#rules;
    if (manifest.kind === 'broken') throw manifest.error;
    if (this.#picture.site !== undefined) return this.#picture.site;
    throw this.#away.reason ?? new TerrafirmaError('no-verdict');
  }

  /**
   * The newest site once `path` has a verdict or is known not to exist.
   *
   * @throws TerrafirmaError 'no-verdict' when that takes longer than `verdictWaitMs`, and what
   *   `site` throws
   */
  async verdict(path: ModulePath): Promise<Site> {
    const site = await this.site();
    if (site.modules.has(path)) return site;
    const { directory } = this.#place.located;
    const file = await findFile(this.#parts.fs, { directory, path }, this.#away.reason);
    if (file === undefined) {
      return this.#common === undefined ? site : await this.#verdictOfOthers(path, this.#common);
    }
    using wanted = this.#modules.want(file, this.#timing);
    // A look that is already running may have passed the file by.
    const lookCountNeeded = wanted.isSighted ? 0 : this.#loop.lookCountAfterNext;
    if (!wanted.isSighted) this.#loop.lookNow();
    const isSeen = (): boolean => this.#loop.lookCount >= lookCountNeeded;
    return await this.#siteOnce(path, () => isSeen() && !this.#modules.isPending(path), wanted);
  }

  /** Of a module that the own copy has not: as long as a new node's arrives, others' serves. */
  async #verdictOfOthers(path: ModulePath, common: FolderCommon): Promise<Site> {
    if (!(await common.isAccepted(path))) return await this.site();
    let isTried = false;
    void this.#modules.takeHead(path).then(() => {
      isTried = true;
      this.#takeVerdict();
    });
    const site = await this.#siteOnce(path, () => isTried);
    if (site.modules.has(path) || !(await common.isAccepted(path))) return site;
    throw noVerdict('others have accepted the module, which cannot be had now');
  }

  /** The newest site once it has the module, or it `isDecided` that it has none. */
  async #siteOnce(path: ModulePath, isDecided: () => boolean, wanted?: Wanted): Promise<Site> {
    const { nowMs, config, reads } = this.#parts;
    const { isRushed } = reads;
    const patience = new Patience({ waitMs: config.limits.verdictWaitMs, isRushed, nowMs });
    do {
      const newest = await this.site();
      if (newest.modules.has(path)) return newest;
      if (isDecided()) return await this.site();
      await this.#changed.next(patience.leftMs);
    } while (patience.leftMs > 0);
    throw noVerdict(wanted?.progress() ?? 'the module is still being written or looked at');
  }

  /** The bytes of a kept version turned out to be lost or damaged: read the files again. */
  judgeAgain(): void {
    this.#modules.forgetStamps();
    this.#loop.lookNow();
  }

  get key(): FolderKey {
    return this.#place.located.key;
  }

  /** What is to be seen of it without asking anybody. */
  look(): FolderLook {
    const { directory } = this.#place.located;
    const { site } = this.#picture;
    const seen = { directory, site, awayReason: this.#away.reason, isJudged: this.#isJudged };
    return lookAt(this.key, seen);
  }

  /** Takes up rollbacks now, not at the next look. */
  async takeRollbacks(): Promise<void> {
    await this.#kept.takePins();
    this.#publish();
  }

  /** Of several nodes: publishes what this one's copy shows of the module, whatever its time. */
  async acceptCopy(path: ModulePath): Promise<void> {
    await this.#common?.trustCopy(path);
    this.#modules.judgeAgain(path);
    await this.#loop.lookAnew(this.#parts.config.limits.verdictWaitMs);
    await this.#modules.judged();
  }

  /** It was found elsewhere than it is watched: looks at once whether it has moved. */
  noteLocated({ directory }: LocatedFolder): void {
    if (directory !== this.#place.located.directory) this.#loop.lookNow();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#opened.resolve();
    this.#changed.notify();
    for (const part of [this.#events, this.#rhythm, this.#kept]) part.close();
    this.#common?.close();
    await Promise.all([this.#loop.close(), this.#modules.close()]);
  }

  async #lookSafely(isPoll: boolean): Promise<number> {
    if (isPoll && (await this.#isStill())) return 0;
    const waitMs = await this.#look().catch((error: unknown) => this.#fail(error));
    this.#rhythm.noteLook();
    if (this.#isJudged || this.#away.reason !== undefined || this.#isPatienceOver())
      this.#finishOpening();
    this.#changed.notify();
    return waitMs;
  }

  /** A module has its verdict, or all have. */
  #takeVerdict(): void {
    if (this.#isJudged) {
      this.#place.endMove();
      this.#finishOpening();
    }
    this.#publish();
    this.#changed.notify();
  }

  /** Whether a glance at the folder shows that there is nothing to see. */
  async #isStill(): Promise<boolean> {
    const isTold = this.#events.hearsAll || this.#stillness.seesInside;
    if (!this.#isSettled || !isTold || this.#rhythm.isLookDue(this.#timing)) return false;
    const { signs } = this.#place.located;
    const isSame = await this.#stillness.isSame(signs).catch(() => false);
    if (isSame && (await this.#kept.takeNewPins())) this.#publish();
    return isSame;
  }

  /** The life of a deploy. Resolves to the milliseconds until something may have settled, or 0. */
  async #look(): Promise<number> {
    const { nowMs } = this.#parts;
    this.#stillness.forget();
    await this.#findPlace();
    await this.#common?.lookAt(this.#place.located.directory);
    const { directory, signs } = this.#place.located;
    const early = this.#walks.takeEarly();
    const stamped = early?.stamp ?? this.#stillness.read(signs);
    const [stamp] = await Promise.all([stamped, this.#chooseTiming()]);
    const listed = early?.listed ?? this.#walks.list(directory);
    listed.catch(() => 'it is told below');
    const rulesWaitMs = await this.#rules.look(this.#timing, nowMs());
    // A folder that closes must not stay open for as long as the next look takes.
    this.#publish();
    // Files need no verdict, and a request for a module waits for its own.
    if (this.#rules.isKnown && !this.#kept.hasLive) this.#finishOpening();
    const listing = await listed;
    this.#place.requireSameMount(listing, this.#kept.hasLive);
    this.#picture.noteFiles(listing);
    await this.#rules.agreeAll();
    this.#away.end();
    if (early === undefined) await this.#kept.takePins();
    await this.#kept.keepRules(this.#rules);
    const modulesWaitMs = await this.#modules.takeListing(listing, this.#timing);
    const waitMs = soonest([rulesWaitMs, modulesWaitMs]);
    this.#isSettled = waitMs === 0;
    // What is kept serves already: what comes next is for the next look.
    if (this.#isJudged) this.#takeVerdict();
    else this.#publish();
    // Whoever waits for the first answer has it before.
    if (early !== undefined) await setImmediate();
    this.#followEvents(listing);
    const unheard = this.#timing.hasEvents && !this.#events.hearsAll ? listing : undefined;
    if (this.#canBeStill(listing)) await this.#stillness.note(stamp, unheard);
    return waitMs;
  }

  /** Whether what may change without an event is nothing that matters soon. */
  #canBeStill(listing: FolderListing): boolean {
    if (this.#common !== undefined || this.#rules.fastlyText !== undefined) return false;
    return isAllInSight(listing) && !this.#modules.hasRefusals;
  }

  /** Nothing before the rules are known, while it moves, or once what waits has been dropped. */
  #publish(): void {
    if (this.#isClosed) return;
    const isKept = this.#picture.site !== undefined;
    if (!this.#isOpen || (isKept && this.#place.isMoving)) return;
    const { manifest, inForce, hasAddresses } = this.#rules;
    const modules = this.#modules.siteModules(hasAddresses);
    // Until then an index of others may still come.
    const isJudged = this.#isJudged && this.#common?.isTakenUp !== false;
    const told = { manifest, modules, inForce, isJudged };
    this.#picture.publish(this.#place.located, told);
  }

  /** A folder that cannot be read keeps its last good site; said once. */
  async #fail(error: unknown): Promise<number> {
    if (error instanceof TerrafirmaError && error.code === 'draining') return 0;
    if (error instanceof TerrafirmaError && error.code === 'overloaded') {
      this.#away.postpone(error);
      return this.#timing.pollMs;
    }
    if (this.#away.begin(error, this.#kept.hasLive)) this.#events.follow([]);
    await this.#rules.followOthers();
    await this.#modules.takeHeads();
    if (this.#kept.hasLive) this.#publish();
    return 0;
  }

  /** Events where they may be had; a folder beyond the limit would need watches without end. */
  #followEvents({ isCut, directories }: FolderListing): void {
    if (this.#stillness.takeReplaced()) this.#events.follow([]);
    this.#events.follow(isCut || !this.#timing.hasEvents ? [] : directories);
  }

  async #chooseTiming(): Promise<void> {
    if (this.#loop.lookCount > 0 && this.#away.reason === undefined) return;
    const { fs, config } = this.#parts;
    const { type } = await fs.statfs(this.#place.located.directory);
    const isNetwork = process.platform === 'linux' && isNetworkType(type);
    this.#timing = chooseTiming(config.watch, { isNetwork, mode: this.#place.located.mount.watch });
  }

  /** Takes up that the folder is elsewhere now. */
  async #findPlace(): Promise<void> {
    if (!(await this.#place.find())) return;
    const { located } = this.#place;
    this.#isSettled = false;
    this.#rules = this.#rules.movedTo(located.directory);
    this.#kept.moveTo(located);
    this.#modules.moveTo(located.directory);
  }

  /** What the last look saw has been judged, and none of it is still being written. */
  get #isJudged(): boolean {
    return this.#isSettled && !this.#modules.isBusy;
  }

  /** Notes that somebody asks; after a long rest, looks first. */
  async #wake(): Promise<void> {
    if (!this.#rhythm.ask(this.#timing) || this.#isClosed) return;
    const { verdictWaitMs } = this.#parts.config.limits;
    await this.#loop.lookAnew(verdictWaitMs);
    const deadlineMs = this.#parts.nowMs() + verdictWaitMs;
    while (this.#modules.isBusy && !this.#isClosed && this.#parts.nowMs() < deadlineMs) {
      await this.#changed.next(deadlineMs - this.#parts.nowMs());
    }
  }

  #isPatienceOver(): boolean {
    if (!this.#rules.isKnown && this.#away.reason === undefined) return false;
    return this.#parts.nowMs() - this.#openedAtMs > 2 * this.#timing.quietMs;
  }

  #finishOpening(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#publish();
    this.#opened.resolve();
  }
}
