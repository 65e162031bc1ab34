/**
 * Which file operations of one mount may run. Synced folders are FUSE and network mounts: any call
 * may hang for as long as the network does, and Node cannot take a call back once a thread of
 * libuv's pool is inside it. So each call has a time limit, and whoever hangs loses only what is
 * his: a file that hangs is refused, then an owner with as many hanging calls as the mount may have
 * in flight. An owner has at most half of those, and what waits is served by owner in turn.
 *
 * A call past its limit leaves the calls in flight but still holds its thread. When a mount is
 * mounted anew beside the one that hangs, nobody waits for the old one: its calls are written off.
 */
import { mayHold } from '../../account/threshold.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import { MountTable } from './mount-table.ts';

export interface MountGuardLimits {
  /** One operation; the waiting for its turn has the same limit once more. */
  readonly fileOperationTimeoutMs: number;
  /** Operations in flight. */
  readonly fileOperationsPerMountMax: number;
}

export interface MountGuardOptions {
  readonly limits: MountGuardLimits;
  /** Threads of the pool that the mount may hold, those that hang included. */
  readonly threadsMax?: number;
  readonly queuedPerOwnerMax?: number;
  /** Of all owners; one has no more than are left for the others. */
  readonly queuedMax?: number;
  readonly mountTable?: MountTable;
}

export interface Operation<T> {
  /** For the error, e.g. `stat`. */
  readonly name: string;
  readonly path: string;
  readonly start: () => Promise<T>;
  /** What to do with a result that came after the time limit, such as closing a handle. */
  readonly discard?: (late: T) => Promise<void>;
  /**
   * Keeps its place in the queue, and is never refused: a file must be given back. Who asks is told
   * after the time limit all the same.
   */
  readonly isPatient?: boolean;
}

/** Threads a guard may hold, as a multiple of what may be in flight. */
export const threadsPerOperation = 3;
const defaultQueuedPerOwnerMax = 2_048;
const defaultQueuedMax = 16_384;

/** What an owner holds and waits for. */
interface Lane {
  held: number;
  stuck: number;
  readonly ready: Set<Turn>;
  /** Of these and of others, all that wait. */
  readonly waiting: Set<Turn>;
}

/** What hangs at one path, and what waits for that to end. */
interface PathUse {
  held: number;
  stuck: number;
  waiting: number;
  readonly blocked: Set<Turn>;
}

/** One operation, from the asking to its end. */
interface Turn {
  readonly owner: OwnerKey;
  readonly path: string;
  readonly lane: Lane;
  readonly use: PathUse;
  readonly isPatient: boolean;
  readonly begin: () => void;
  readonly refuse: (reason: string) => void;
}

export class MountGuard {
  readonly #timeoutMs: number;
  readonly #operationsMax: number;
  readonly #perOwnerMax: number;
  readonly #threadsMax: number;
  readonly #queuedPerOwnerMax: number;
  readonly #queuedMax: number;
  readonly #mountTable: MountTable;
  readonly #lanes = new Map<OwnerKey, Lane>();
  readonly #paths = new Map<string, PathUse>();
  /** Owners who have something ready and room for it; the longest served first. */
  readonly #turns = new Set<Lane>();
  #inFlight = 0;
  /** Turns past their limit that have not returned. */
  #stuck = new Set<Turn>();
  /** Of a mount that was replaced; they only hold threads. */
  #lost = 0;
  #queued = 0;
  #mountsSeen: Promise<string | undefined>;

  constructor(options: MountGuardOptions) {
    const { limits, threadsMax, queuedPerOwnerMax, mountTable } = options;
    const { fileOperationTimeoutMs, fileOperationsPerMountMax } = limits;
    this.#timeoutMs = fileOperationTimeoutMs;
    this.#operationsMax = fileOperationsPerMountMax;
    this.#perOwnerMax = Math.max(1, Math.floor(fileOperationsPerMountMax / 2));
    this.#threadsMax = threadsMax ?? fileOperationsPerMountMax * threadsPerOperation;
    this.#queuedPerOwnerMax = queuedPerOwnerMax ?? defaultQueuedPerOwnerMax;
    this.#queuedMax = options.queuedMax ?? defaultQueuedMax;
    this.#mountTable = mountTable ?? new MountTable();
    this.#mountsSeen = this.#mountTable.synced();
  }

  /** Operations that passed their time limit and have not returned, of this mount as it is now. */
  get stuckOperations(): number {
    return this.#stuck.size;
  }

  /** Operations that still hang in a mount that was replaced. */
  get lostOperations(): number {
    return this.#lost;
  }

  /** Owners and paths that something is known of: none while nothing runs, waits or hangs. */
  get trackedEntries(): number {
    return this.#lanes.size + this.#paths.size;
  }

  /**
   * Runs one operation of an owner in turn. Errors of the system pass through unchanged.
   *
   * @throws TerrafirmaError `folder-unreachable`: a time limit, a full queue, or a file, an owner's
   * folder or a mount that hangs.
   */
  run<T>(owner: OwnerKey, operation: Operation<T>): Promise<T> {
    const { path, isPatient = false } = operation;
    const lane = this.#laneOf(owner);
    const use = this.#useOf(path);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let timer: NodeJS.Timeout | undefined;
    const turn: Turn = {
      owner,
      path,
      lane,
      use,
      isPatient,
      begin: () => {
        clearTimeout(timer);
        this.#begin(turn, operation, { resolve, reject });
      },
      refuse: (reason) => {
        clearTimeout(timer);
        this.#forgetUnused(turn);
        reject(unreachable(operation, reason));
      },
    };
    const refusal = isPatient ? undefined : this.#refusalOf(turn);
    if (refusal !== undefined) {
      void this.#takeRemount();
      turn.refuse(refusal);
      return promise;
    }
    this.#enqueue(turn);
    this.#fill();
    if (!this.#isWaiting(turn)) return promise;
    timer = setTimeout(() => {
      if (!isPatient) this.#giveUp(turn);
      else reject(unreachable(operation, 'it comes to its turn later'));
    }, this.#timeoutMs);
    return promise;
  }

  #laneOf(owner: OwnerKey): Lane {
    const known = this.#lanes.get(owner);
    if (known !== undefined) return known;
    const lane = { held: 0, stuck: 0, ready: new Set<Turn>(), waiting: new Set<Turn>() };
    this.#lanes.set(owner, lane);
    return lane;
  }

  #useOf(path: string): PathUse {
    const known = this.#paths.get(path);
    if (known !== undefined) return known;
    const use = { held: 0, stuck: 0, waiting: 0, blocked: new Set<Turn>() };
    this.#paths.set(path, use);
    return use;
  }

  #refusalOf(turn: Turn): string | undefined {
    const { lane } = turn;
    const hanging = this.#hangs(turn);
    if (hanging !== undefined) return hanging;
    const stuckMax = Math.max(1, this.#threadsMax - this.#operationsMax);
    if (this.#stuck.size + this.#lost >= stuckMax) return 'the mount hangs';
    const own = lane.waiting.size;
    const isLeft = mayHold({ max: this.#queuedMax, held: this.#queued, own, added: 1 });
    return own >= this.#queuedPerOwnerMax || !isLeft
      ? 'too many operations are waiting'
      : undefined;
  }

  get #threadsHeld(): number {
    return this.#inFlight + this.#stuck.size + this.#lost;
  }

  #enqueue(turn: Turn): void {
    turn.lane.waiting.add(turn);
    turn.use.waiting += 1;
    this.#queued += 1;
    this.#makeReady(turn);
  }

  #isWaiting(turn: Turn): boolean {
    return turn.lane.waiting.has(turn);
  }

  #makeReady(turn: Turn): void {
    turn.lane.ready.add(turn);
    if (turn.lane.held < this.#perOwnerMax) this.#turns.add(turn.lane);
  }

  #dequeue(turn: Turn): void {
    turn.lane.ready.delete(turn);
    turn.use.blocked.delete(turn);
    turn.lane.waiting.delete(turn);
    turn.use.waiting -= 1;
    this.#queued -= 1;
  }

  /** Its turn did not come within the time limit. */
  #giveUp(turn: Turn): void {
    this.#dequeue(turn);
    turn.refuse(`no answer within ${this.#timeoutMs} ms`);
  }

  /** Starts what may start, one of each owner in turn. */
  #fill(): void {
    while (this.#inFlight < this.#operationsMax && this.#threadsHeld < this.#threadsMax) {
      const [lane] = this.#turns;
      if (lane === undefined) return;
      this.#turns.delete(lane);
      const turn = this.#takeStartable(lane);
      if (turn === undefined) continue;
      this.#dequeue(turn);
      turn.begin();
      if (lane.ready.size > 0 && lane.held < this.#perOwnerMax) this.#turns.add(lane);
    }
  }

  /** The owner's next turn; those at a path that hangs wait there. */
  #takeStartable(lane: Lane): Turn | undefined {
    for (const turn of lane.ready) {
      if (turn.use.stuck === 0) return turn;
      lane.ready.delete(turn);
      turn.use.blocked.add(turn);
    }
    return undefined;
  }

  #begin<T>(
    turn: Turn,
    operation: Operation<T>,
    promise: { resolve: (value: T) => void; reject: (error: unknown) => void },
  ): void {
    this.#hold(turn);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#beStuck(turn);
      promise.reject(unreachable(operation, `no answer within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      this.#release(turn, isLate);
    };
    operation.start().then(
      (value) => {
        finish();
        // Already rejected: a failing discard has nobody left to tell.
        if (isLate) operation.discard?.(value).catch(promise.reject);
        else promise.resolve(value);
      },
      (error: unknown) => {
        finish();
        promise.reject(error);
      },
    );
  }

  #hold({ lane, use }: Turn): void {
    this.#inFlight += 1;
    lane.held += 1;
    use.held += 1;
  }

  /** From now on it holds a thread, but no turn; what waits for the same would hang as well. */
  #beStuck(turn: Turn): void {
    const { lane, use } = turn;
    this.#inFlight -= 1;
    lane.held -= 1;
    use.held -= 1;
    this.#stuck.add(turn);
    lane.stuck += 1;
    use.stuck += 1;
    for (const waiting of [...lane.waiting]) {
      const reason = waiting.isPatient ? undefined : this.#hangs(waiting);
      if (reason === undefined) continue;
      this.#dequeue(waiting);
      waiting.refuse(reason);
    }
    if (lane.ready.size > 0) this.#turns.add(lane);
    this.#fill();
  }

  #hangs({ lane, use }: Turn): string | undefined {
    if (use.stuck > 0) return 'it hangs';
    return lane.stuck >= this.#operationsMax ? 'the folder hangs' : undefined;
  }

  #release(turn: Turn, isLate: boolean): void {
    if (!isLate) {
      this.#inFlight -= 1;
      turn.lane.held -= 1;
      turn.use.held -= 1;
      this.#letNext(turn);
    } else if (this.#stuck.delete(turn)) this.#unstick(turn);
    // Written off with its mount: its owner and its path have forgotten it.
    else this.#lost -= 1;
    this.#fill();
  }

  #unstick(turn: Turn): void {
    turn.lane.stuck -= 1;
    turn.use.stuck -= 1;
    this.#letNext(turn);
  }

  #letNext(turn: Turn): void {
    const { lane, use } = turn;
    if (use.stuck === 0 && use.blocked.size > 0) {
      for (const next of use.blocked) this.#makeReady(next);
      use.blocked.clear();
    }
    if (lane.ready.size > 0) this.#turns.add(lane);
    this.#forgetUnused(turn);
  }

  #forgetUnused({ owner, path, lane, use }: Turn): void {
    const isLaneUsed = lane.held > 0 || lane.stuck > 0 || lane.waiting.size > 0;
    if (!isLaneUsed && this.#lanes.get(owner) === lane) this.#lanes.delete(owner);
    const isPathUsed = use.held > 0 || use.stuck > 0 || use.waiting > 0;
    if (!isPathUsed && this.#paths.get(path) === use) this.#paths.delete(path);
  }

  /** Something hangs: if it was mounted anew since, what hangs in the old one holds nobody up. */
  async #takeRemount(): Promise<void> {
    if (this.#stuck.size === 0) return;
    const before = await this.#mountsSeen;
    const now = await this.#mountTable.synced();
    if (before === now) return;
    this.#mountsSeen = Promise.resolve(now);
    const stuck = [...this.#stuck];
    this.#stuck.clear();
    this.#lost += stuck.length;
    for (const turn of stuck) this.#unstick(turn);
    this.#fill();
  }
}

function unreachable(
  operation: Pick<Operation<never>, 'name' | 'path'>,
  reason: string,
): TerrafirmaError {
  const detail = `Cannot ${operation.name} ${JSON.stringify(operation.path)}: ${reason}`;
  return new TerrafirmaError('folder-unreachable', detail);
}
