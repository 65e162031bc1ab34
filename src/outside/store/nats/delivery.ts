/**
 * Sends the messages of one commit, all or none, until it is known what became of them. Edge: NATS.
 *
 * Several messages go as one atomic batch (ADR-50 of the engine): the last one asks for the commit.
 * Each has an id of its own, so that sending all again after silence stores nothing twice.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { inBytes } from '../../../amounts.ts';
import { StoreError } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import type { Commit, Outgoing } from './commit.ts';
import { refusedBy } from './leader-reads.ts';
import { EngineError, type Link, NoAnswer, readAnswer, type Sent } from './link.ts';
import { makeRoom } from './room-making.ts';

export type Delivered =
  /** The messages have the sequences from `firstSequence` on. */
  | { readonly kind: 'done'; readonly firstSequence: number }
  /**
   * A subject had another sequence. `isUnderWay`: a write of it has not ended. `wasSent`: perhaps
   * it is an earlier attempt of this commit that wrote it.
   */
  | { readonly kind: 'conflict'; readonly isUnderWay: boolean; readonly wasSent: boolean }
  /** What was to be deleted is gone, and no message says so. */
  | { readonly kind: 'deleted' }
  /** It was stored at an earlier attempt, whose answer was lost. */
  | { readonly kind: 'stored-before' }
  /** Time is over. `wasSent`: it may be stored all the same. */
  | { readonly kind: 'silence'; readonly wasSent: boolean };

/** docs.nats.io, JetStream, error codes; the server's `errors.json`. */
const conflictCodes = new Set([10_071]);
const underWayCodes = new Set([10_164, 10_158]);
const fullCodes = new Set([10_077, 10_023, 10_047]);
const againCodes = new Set([10_008, 10_176]);
const storedBeforeCode = 10_201;
const streamGoneCode = 10_059;
const tooLargeCode = 10_054;
const retryMs = 100;
const attemptMs = 5_000;
/** What the engine adds to a message in lines and headers. */
const messageSlackBytes = 64 * 1024;

export class Delivery {
  readonly #link: Link;
  readonly #nowMs: () => number;

  /** @param nowMs Time that only goes on, in milliseconds. */
  constructor(link: Link, nowMs: () => number) {
    this.#link = link;
    this.#nowMs = nowMs;
  }

  /** As `send`; what only deletes is done also where there is no more room. */
  async sendAnyhow(commit: Commit, dueMs: number): Promise<Delivered> {
    try {
      return await this.send(commit, dueMs);
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'full') throw error;
      const rest = await makeRoom(this.#link, commit);
      if (rest === undefined) throw error;
      return this.#tellDeleted(rest, dueMs);
    }
  }

  /**
   * The keys are gone; others are told, and the space is said to hold less. Where that finds no
   * room either, the space counts too much until it is counted anew.
   */
  async #tellDeleted(commit: Commit, dueMs: number): Promise<Delivered> {
    try {
      return await this.send({ ...commit, id: `${commit.id}r` }, dueMs);
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'full') return { kind: 'deleted' };
      throw error;
    }
  }

  /**
   * Sends until there is an answer or `dueMs` is over. Rejects with StoreError `full`, `limit`,
   * `refused`: then nothing was stored, unless an earlier attempt was.
   */
  async send(commit: Commit, dueMs: number): Promise<Delivered> {
    this.#requireSizes(commit);
    let wasSent = false;
    for (let attempt = 0; ; attempt += 1) {
      const leftMs = dueMs - this.#nowMs();
      if (leftMs <= 0) return { kind: 'silence', wasSent };
      if (this.#link.isConnected) {
        const end = await this.#attempt(commit, attempt, Math.min(attemptMs, leftMs));
        if (end !== 'unheard' && end !== 'unanswered') {
          return end.kind === 'conflict' ? { ...end, wasSent } : end;
        }
        wasSent ||= end === 'unanswered';
      }
      await wait(Math.min(retryMs, Math.max(1, dueMs - this.#nowMs())));
    }
  }

  async #attempt(
    commit: Commit,
    attempt: number,
    timeoutMs: number,
  ): Promise<Delivered | 'unheard' | 'unanswered'> {
    const { id, messages } = commit;
    try {
      const sent = messages.map((message, index) => addressed(message, `${id}-${index}`));
      const answer =
        sent.length === 1
          ? await this.#sendOne(sent[0], timeoutMs)
          : await this.#sendBatch(sent, `${id}.${attempt}`, timeoutMs);
      return doneOf(answer, messages.length);
    } catch (error) {
      if (error instanceof NoAnswer) return error.isUnheard ? 'unheard' : 'unanswered';
      if (!(error instanceof EngineError)) throw error;
      return endOf(error);
    }
  }

  async #sendOne(message: Sent | undefined, timeoutMs: number): Promise<unknown> {
    if (message === undefined) throw new Error('Cannot send a commit: it must have a message');
    return readAnswer(await this.#link.request(message, timeoutMs));
  }

  async #sendBatch(
    messages: readonly Sent[],
    batchId: string,
    timeoutMs: number,
  ): Promise<unknown> {
    for (const [index, message] of messages.entries()) {
      const isLast = index === messages.length - 1;
      const batched = inBatch(message, { batchId, index, isLast });
      if (isLast) return readAnswer(await this.#link.request(batched, timeoutMs));
      this.#link.publish(batched);
    }
    return undefined;
  }

  /** @throws StoreError `limit` */
  #requireSizes({ messages }: Commit): void {
    const max = this.#link.payloadBytesMax - messageSlackBytes;
    const tooLarge = messages.find(({ payload }) => payload.byteLength > max);
    if (tooLarge === undefined || max <= 0) return;
    const rule = `the engine takes values of at most ${inBytes(max)}`;
    const received = `received ${tooLarge.payload.byteLength} bytes`;
    throw new StoreError('limit', `Cannot store: ${rule}: ${received}`);
  }
}

function addressed({ subject, payload, headers, expected }: Outgoing, id: string): Sent {
  const lines: (readonly [string, string])[] = [...headers, ['Tf-Id', id], ['Nats-Msg-Id', id]];
  if (expected !== undefined) {
    lines.push(['Nats-Expected-Last-Subject-Sequence', String(expected)]);
  }
  return { subject, payload, headers: lines };
}

function inBatch(
  { subject, payload, headers = [] }: Sent,
  batch: { readonly batchId: string; readonly index: number; readonly isLast: boolean },
): Sent {
  const lines: (readonly [string, string])[] = [
    ...headers,
    ['Nats-Batch-Id', batch.batchId],
    ['Nats-Batch-Sequence', String(batch.index + 1)],
  ];
  if (batch.isLast) lines.push(['Nats-Batch-Commit', '1']);
  return { subject, payload, headers: lines };
}

function doneOf(answer: unknown, count: number): Delivered {
  const { seq, duplicate } = Object(answer);
  if (!Number.isSafeInteger(seq)) {
    throw unavailable('its engine must say under which number it stored: received another answer');
  }
  if (duplicate === true && count > 1) return { kind: 'stored-before' };
  return { kind: 'done', firstSequence: Number(seq) - count + 1 };
}

function conflict(isUnderWay: boolean): Delivered {
  return { kind: 'conflict', isUnderWay, wasSent: false };
}

/** @throws StoreError */
function endOf(error: EngineError): Delivered | 'unheard' {
  const { code, message } = error;
  if (conflictCodes.has(code)) return conflict(false);
  if (underWayCodes.has(code)) return conflict(true);
  if (code === storedBeforeCode) return { kind: 'stored-before' };
  if (againCodes.has(code)) return 'unheard';
  if (code === streamGoneCode) throw refusedBy(error);
  const kind = fullCodes.has(code) ? 'full' : code === tooLargeCode ? 'limit' : 'unavailable';
  const rule = 'the shared store must take it';
  throw new StoreError(kind, `Cannot store: ${rule}: received ${message} (${code})`, {
    cause: error,
  });
}
