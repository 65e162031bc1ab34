/**
 * Reads that ask the leader of a stream, never a copy. Edge: NATS. An answer that is older than
 * what this node was told is asked for again: a leader that was frozen may give one when it thaws.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { StoreError } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import type { KnownRows } from './known-rows.ts';
import { EngineError, type Link, NoAnswer } from './link.ts';
import { bytesOf } from './places.ts';
import { noRow, parseHeaderBlock, type Row, readHeaders, rowOf } from './rows.ts';

export interface LeaderReadsOptions {
  readonly link: Link;
  readonly rows: KnownRows;
  /** Time that only goes on, in milliseconds. */
  readonly nowMs: () => number;
  /** Called for each read, not for probes. */
  readonly onRead: () => void;
}

export interface ReadUntil {
  /** By the clock that only goes on. */
  readonly dueMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** No message under that subject. */
const notFoundCode = 10_037;
const streamGoneCode = 10_059;
const attemptMs = 2_000;
const retryMs = 50;
const staleRetryMs = 20;
/** What lay there may have been taken away without a word: so long a leader is asked again. */
const absentMs = 1_000;

export class LeaderReads {
  readonly #options: LeaderReadsOptions;

  constructor(options: LeaderReadsOptions) {
    this.#options = options;
  }

  /** Asks again until `dueMs`. Rejects with StoreError. */
  async read(stream: string, subject: string, until: ReadUntil): Promise<Row> {
    const { nowMs, onRead, rows } = this.#options;
    onRead();
    let absentSinceMs: number | undefined;
    for (;;) {
      const leftMs = until.dueMs - nowMs();
      if (leftMs <= 0) throw unavailable('its engine must answer in time: received nothing');
      if (until.signal?.aborted === true) {
        throw unavailable('nobody waits for the answer any more');
      }
      const row = await this.#attempt(stream, subject, Math.min(attemptMs, leftMs));
      if (row !== undefined && row.sequence >= rows.floorOf(subject)) return row;
      if (row?.sequence === 0) {
        absentSinceMs ??= nowMs();
        if (nowMs() - absentSinceMs > absentMs) return row;
      }
      await wait(row === undefined ? retryMs : staleRetryMs);
    }
  }

  /** Whether the leader answers at all. */
  async probe(stream: string, subject: string, timeoutMs: number): Promise<boolean> {
    return (await this.#attempt(stream, subject, timeoutMs)) !== undefined;
  }

  /** Undefined: no answer. */
  async #attempt(stream: string, subject: string, timeoutMs: number): Promise<Row | undefined> {
    try {
      const question = { last_by_subj: subject };
      const answer = await this.#options.link.ask(`STREAM.MSG.GET.${stream}`, question, timeoutMs);
      return storedRow(Object(answer).message);
    } catch (error) {
      if (error instanceof NoAnswer) return undefined;
      if (!(error instanceof EngineError)) throw error;
      if (error.code === notFoundCode) return noRow;
      if (error.code === streamGoneCode) throw refusedBy(error);
      return undefined;
    }
  }
}

export function refusedBy(cause: Error): StoreError {
  const rule = 'its engine must still hold what it held';
  const message = `Cannot use the shared store: ${rule}: received ${cause.message}`;
  return new StoreError('refused', message, { cause });
}

function storedRow(message: unknown): Row {
  const { seq, hdrs, data } = Object(message);
  const block = typeof hdrs === 'string' ? Buffer.from(hdrs, 'base64').toString('latin1') : '';
  return rowOf({
    sequence: Number(seq),
    headers: readHeaders(parseHeaderBlock(block)),
    value: bytesOf(Buffer.from(typeof data === 'string' ? data : '', 'base64')),
  });
}
