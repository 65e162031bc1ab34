/**
 * Writes what is asked for to the engine: one commit at a time for each space, which takes in all
 * that has gathered meanwhile. What a commit rests on is checked by the engine when it is done;
 * where it does not hold any more, it is worked out again from what is there then.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Gate } from '../../../account/gate.ts';
import { StoreError } from '../contract.ts';
import type { StoreLimits, WriteAnswer, WriteRequest } from '../messages.ts';
import { ownerOfSpace } from '../spaces.ts';
import type { Commit } from './commit.ts';
import type { Delivered, Delivery } from './delivery.ts';
import { Draft, draftMessagesMax, settle, type WrittenRow } from './draft.ts';
import type { KnownRows } from './known-rows.ts';
import type { LeaderReads } from './leader-reads.ts';
import { type Place, type Places, subjectOf } from './places.ts';
import type { Row } from './rows.ts';

export interface SpaceCommitsOptions {
  readonly places: () => Places;
  readonly reads: LeaderReads;
  readonly rows: KnownRows;
  readonly delivery: Delivery;
  readonly limits: StoreLimits;
  /** How long a write of a guest waits at most; others say by themselves how long they do. */
  readonly waitMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** Time that only goes on, in milliseconds. */
  readonly steadyMs: () => number;
  /** Called after a commit, before it is answered. */
  readonly onCommitted: (place: Place, written: readonly WrittenRow[]) => void;
  /** Called after an attempt that the engine did not answer in time. */
  readonly onSilence: () => void;
  /**
   * Counts anew what a space holds, where that was not done lately; whether it was done now.
   * Rejects with StoreError.
   */
  readonly recount: (place: Place, dueMs: number) => Promise<boolean>;
}

interface Waiting {
  readonly request: WriteRequest;
  readonly dueMs: number;
  readonly resolve: (answer: WriteAnswer) => void;
}

interface SpaceQueue {
  readonly place: Place;
  waiting: Waiting[];
}

/** One commit takes at most so much: others wait for it. A larger write goes alone. */
const commitBytesMax = 4 * 1024 * 1024;
/** The engine takes 50 batches at once for a stream, those of all nodes together. */
const gateLimits = { passesMax: 16, passesPerOwnerMax: 8 };
const underWayMsMin = 2;
const underWayMsMax = 10;
const conflictMsMax = 20;

export class SpaceCommits {
  readonly #options: SpaceCommitsOptions;
  readonly #queues = new Map<string, SpaceQueue>();
  readonly #gate = new Gate(gateLimits);
  readonly #ids = randomBytes(9).toString('base64url');
  #nextId = 0;
  #closed: StoreError | undefined;

  constructor(options: SpaceCommitsOptions) {
    this.#options = options;
  }

  /** Resolves to the answer, an error of the store among them. */
  write(request: WriteRequest, dueMs: number): Promise<WriteAnswer> {
    if (this.#closed !== undefined) {
      return Promise.resolve(errorAnswer(request, this.#closed));
    }
    const place = this.#options.places().of(request);
    const known = this.#queues.get(place.prefix);
    const queue = known ?? { place, waiting: [] };
    return new Promise((resolve) => {
      queue.waiting.push({ request, dueMs, resolve });
      if (known !== undefined) return;
      this.#queues.set(place.prefix, queue);
      // What arrives in the same turn of the event loop is in the first commit already.
      setImmediate(() => void this.#run(queue));
    });
  }

  /** Refuses what has not been sent, from now on too. */
  close(error: StoreError): void {
    this.#closed = error;
    for (const queue of this.#queues.values()) {
      for (const { request, resolve } of queue.waiting.splice(0)) {
        resolve(errorAnswer(request, error));
      }
    }
  }

  async #run(queue: SpaceQueue): Promise<void> {
    const { area, name } = queue.place.space;
    const gate = this.#gate.forOwner(ownerOfSpace(area, name));
    while (queue.waiting.length > 0) {
      await gate.pass(async () => {
        const group = takeGroup(queue);
        try {
          await this.#commit(queue.place, group);
        } catch (error) {
          answerAll(group, (request) => errorAnswer(request, error));
        }
      });
    }
    this.#queues.delete(queue.place.prefix);
  }

  /** Until every request of the group is answered. Rejects with StoreError, or what is broken. */
  async #commit(place: Place, group: readonly Waiting[]): Promise<void> {
    const { delivery, steadyMs } = this.#options;
    let waiting = group;
    for (const fresh = new Set<string>(); ; ) {
      waiting = this.#dropLate(waiting);
      if (waiting.length === 0) return;
      const dueMs = Math.max(...waiting.map((each) => each.dueMs));
      const rows = await this.#rowsFor(place, waiting, { fresh, dueMs });
      const { limits, nowMs } = this.#options;
      const draft = new Draft({ place, rows, limits, nowMs: nowMs() });
      const answers = waiting.map(({ request }) => draft.apply(request));
      if (this.#addUnsure(draft, fresh)) continue;
      if (await this.#hasRecounted(place, answers, dueMs)) continue;
      if (draft.isEmpty) return resolveAll(waiting, answers, 0);
      const messages = draft.outgoing();
      const commit = { stream: place.stream, id: this.#takeId(), messages };
      const delivered = await delivery.sendAnyhow(commit, dueMs);
      const end = await this.#sent(commit, delivered, steadyMs() + 2_000);
      if (end.kind === 'done') {
        this.#options.onCommitted(place, draft.rowsAfter(end.firstSequence, commit.id));
        return resolveAll(waiting, answers, end.firstSequence);
      }
      for (const { subject } of messages) this.#forget(subject, fresh);
      if (end.kind === 'deleted') {
        for (const { subject } of messages) this.#options.rows.erase(subject);
        this.#options.onCommitted(place, draft.erasedRows());
        return resolveAll(waiting, answers, 0);
      }
      if (end.kind !== 'conflict') throw this.#silence(end.kind === 'stored-before' || end.wasSent);
      await wait(pauseMs(end.isUnderWay));
    }
  }

  /** Where it cannot be told what became of a commit, the engine is asked what lies there. */
  async #sent(commit: Commit, end: Delivered, dueMs: number): Promise<Delivered> {
    if (end.kind === 'done' || end.kind === 'deleted') return end;
    if (end.kind === 'silence') this.#options.onSilence();
    const isSure = end.kind !== 'stored-before' && !end.wasSent;
    if (isSure) return end;
    const found = await this.#look(commit, dueMs);
    if (found === 'not-stored' && end.kind === 'conflict') return end;
    if (typeof found === 'number') return { kind: 'done', firstSequence: found };
    return { kind: 'silence', wasSent: true };
  }

  /**
   * The first sequence of a commit that is found to be stored. It is not, where a subject is still
   * as the commit expects it: whatever of it is under way conflicts with the next that is done.
   */
  async #look(
    { id, messages, stream }: Commit,
    dueMs: number,
  ): Promise<number | 'not-stored' | 'unknown'> {
    let isUntouched = false;
    try {
      for (const [index, { subject, expected }] of messages.entries()) {
        const row = await this.#options.reads.read(stream, subject, { dueMs });
        if (row.writeId === `${id}-${index}`) return row.sequence - index;
        isUntouched ||= row.sequence === expected;
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return 'unknown';
    }
    return isUntouched ? 'not-stored' : 'unknown';
  }

  #dropLate(waiting: readonly Waiting[]): readonly Waiting[] {
    const nowMs = this.#options.steadyMs();
    const late = waiting.filter(({ dueMs }) => dueMs <= nowMs);
    answerAll(late, (request) => errorAnswer(request, this.#silence(false)));
    return late.length === 0 ? waiting : waiting.filter(({ dueMs }) => dueMs > nowMs);
  }

  /** What is known, else what the leader says; of `fresh` only what it says. */
  async #rowsFor(
    place: Place,
    waiting: readonly Waiting[],
    how: { readonly fresh: Set<string>; readonly dueMs: number },
  ): Promise<ReadonlyMap<string, Row>> {
    const { reads, rows } = this.#options;
    const subjects = new Set<string>();
    for (const { request } of waiting) {
      for (const { key } of request.writes) subjects.add(subjectOf(place, key));
    }
    if (place.usageSubject !== undefined) subjects.add(place.usageSubject);
    const found = new Map<string, Row>();
    const missing: string[] = [];
    for (const subject of subjects) {
      const known = rows.get(subject)?.row;
      if (known === undefined) missing.push(subject);
      else found.set(subject, known);
    }
    const read = missing.map(async (subject) => {
      const row = await reads
        .read(place.stream, subject, { dueMs: how.dueMs })
        .catch((error: unknown) => this.#unread(error, how.dueMs));
      how.fresh.add(subject);
      rows.set(subject, row);
      found.set(subject, row);
    });
    await Promise.all(read);
    return found;
  }

  /** Answers that rest on what was only known, not read just now, are worked out again. */
  #addUnsure(draft: Draft, fresh: Set<string>): boolean {
    const unsure = [...draft.restsOn].filter((subject) => !fresh.has(subject));
    for (const subject of unsure) this.#options.rows.forget(subject);
    return unsure.length > 0;
  }

  /** What expired is counted until somebody needs the room. */
  async #hasRecounted(
    place: Place,
    answers: readonly WriteAnswer[],
    dueMs: number,
  ): Promise<boolean> {
    const isFull = answers.some((each) => each.kind === 'error' && each.error.kind === 'limit');
    if (!isFull || place.usageSubject === undefined) return false;
    const hasCounted = await this.#options.recount(place, dueMs);
    if (hasCounted) this.#options.rows.forget(place.usageSubject);
    return hasCounted;
  }

  #silence(wasSent: boolean): StoreError {
    const within = `within ${this.#options.waitMs / 1_000} s`;
    const start = `Cannot store: the shared store must answer ${within}: received nothing`;
    return wasSent
      ? new StoreError('unknown', `${start}; it may have been stored: read it again`)
      : new StoreError('unavailable', `${start}; nothing was stored`);
  }

  /** @throws what is to be said of a write whose row could not be read */
  #unread(error: unknown, dueMs: number): never {
    const isOver = this.#options.steadyMs() >= dueMs;
    if (!isOver || !(error instanceof StoreError) || error.kind !== 'unavailable') throw error;
    this.#options.onSilence();
    throw this.#silence(false);
  }

  #forget(subject: string, fresh: Set<string>): void {
    this.#options.rows.forget(subject);
    fresh.delete(subject);
  }

  #takeId(): string {
    this.#nextId += 1;
    return `${this.#ids}${this.#nextId.toString(36)}`;
  }
}

/** In order, as much as one commit takes. */
function takeGroup({ waiting }: SpaceQueue): readonly Waiting[] {
  let count = 0;
  let messages = 0;
  let bytes = 0;
  for (const { request } of waiting) {
    messages += request.writes.length;
    for (const { key, value } of request.writes) bytes += key.byteLength + value.byteLength;
    if (count > 0 && (messages > draftMessagesMax || bytes > commitBytesMax)) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

function resolveAll(
  waiting: readonly Waiting[],
  answers: readonly WriteAnswer[],
  firstSequence: number,
): void {
  for (const [index, { resolve }] of waiting.entries()) {
    const answer = answers[index];
    if (answer === undefined) throw new Error('Cannot answer a write: an answer is missing');
    resolve(settle(answer, firstSequence));
  }
}

function answerAll(
  waiting: readonly Waiting[],
  answerOf: (request: WriteRequest) => WriteAnswer,
): void {
  for (const { request, resolve } of waiting) resolve(answerOf(request));
}

export function errorAnswer({ id }: WriteRequest, error: unknown): WriteAnswer {
  if (error instanceof StoreError) {
    return { id, kind: 'error', error: { kind: error.kind, message: error.message } };
  }
  const reason = error instanceof Error ? error.message : String(error);
  const rule = 'the shared store must take it';
  const message = `Cannot store: ${rule}: writing failed: ${reason}`;
  return { id, kind: 'error', error: { kind: 'unknown', message } };
}

/** Not at once with all others who were in conflict too. */
function pauseMs(isUnderWay: boolean): number {
  const [min, max] = isUnderWay ? [underWayMsMin, underWayMsMax] : [0, conflictMsMax];
  return min + Math.random() * (max - min);
}
