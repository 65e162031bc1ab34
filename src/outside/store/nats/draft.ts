/**
 * Works out what waiting requests of one space make of what is there, as one commit. Pure. Each
 * request is done wholly or not at all, and later ones see what earlier ones write.
 */

import type { Revision } from '../contract.ts';
import { StoreError } from '../contract.ts';
import type { SentWrite, StoreLimits, WriteAnswer, WriteRequest } from '../messages.ts';
import { requireSpaceRoom, type SpaceRoom } from '../space-room.ts';
import { decimal, joinBytes, type Planned, type Present, planOf } from '../write-plan.ts';
import type { Outgoing } from './commit.ts';
import { isLongKey, type Place, subjectOf } from './places.ts';
import { decodeUsage, encodeUsage, headersOf, noRow, type Row, type RowEntry } from './rows.ts';

/** One of these stands for the sequence of a message that has none yet. */
const draftRevision = 2 ** 52;

interface Working {
  entry: RowEntry | undefined;
  revision: Revision;
  /** Undefined: an earlier message of the draft writes the subject. */
  expected: number | undefined;
}

interface Message {
  readonly subject: string;
  readonly key: Uint8Array;
  readonly entry: RowEntry | undefined;
  readonly expected: number | undefined;
}

export interface WrittenRow {
  readonly subject: string;
  /** Undefined: it says how much the space holds. */
  readonly key: Uint8Array | undefined;
  readonly row: Row;
}

export interface DraftOptions {
  readonly place: Place;
  /** What is there, as far as it is known; by subject. */
  readonly rows: ReadonlyMap<string, Row>;
  readonly limits: StoreLimits;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/** Of one commit; one more is kept for what the space holds. */
export const draftMessagesMax = 999;

export class Draft {
  readonly #options: DraftOptions;
  readonly #working = new Map<string, Working>();
  readonly #messages: Message[] = [];
  readonly #usage: Row;
  #room: SpaceRoom;
  #isUsageChanged = false;
  /** Subjects on which an answer rests that the commit itself does not check. */
  readonly restsOn = new Set<string>();

  constructor(options: DraftOptions) {
    this.#options = options;
    const { usageSubject } = options.place;
    this.#usage = (usageSubject && options.rows.get(usageSubject)) || noRow;
    this.#room = decodeUsage(this.#usage);
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** The request's answer, once the draft is committed and `settle` was applied to it. */
  apply(request: WriteRequest): WriteAnswer {
    try {
      return this.#apply(request);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { kind, message } = error;
      this.#restOn(request.writes);
      return { id: request.id, kind: 'error', error: { kind, message } };
    }
  }

  /** What is to be sent, with what the space holds as the last. */
  outgoing(): readonly Outgoing[] {
    const { place, nowMs } = this.#options;
    const messages = this.#messages.map(({ subject, key, entry, expected }): Outgoing => {
      const longKey = isLongKey(key) ? key : undefined;
      const headers = headersOf({ entry, longKey, nowMs });
      const payload = entry?.value ?? new Uint8Array();
      const isDelete = entry === undefined;
      return { subject, payload, headers, expected, isDelete, isUsage: false };
    });
    if (place.usageSubject === undefined || !this.#isUsageChanged) return messages;
    const usage = {
      subject: place.usageSubject,
      payload: encodeUsage(this.#room),
      headers: [],
      expected: this.#usage.sequence,
      ...{ isDelete: false, isUsage: true },
    };
    return [...messages, usage];
  }

  /** What lies under keys that were deleted where no message says so. */
  erasedRows(): readonly WrittenRow[] {
    return this.#messages.flatMap(({ subject, key, entry }) =>
      entry === undefined ? [{ subject, key, row: noRow }] : [],
    );
  }

  /** What lies under the subjects once the messages have their sequences. */
  rowsAfter(firstSequence: number, writeId: string): readonly WrittenRow[] {
    const written = this.#messages.map(({ subject, key, entry }, index): WrittenRow => {
      const row = { sequence: firstSequence + index, entry, writeId: `${writeId}-${index}` };
      return { subject, key, row };
    });
    const { usageSubject } = this.#options.place;
    if (usageSubject === undefined || !this.#isUsageChanged) return written;
    const index = written.length;
    const entry = { value: encodeUsage(this.#room), meta: undefined, expiresAtMs: undefined };
    const row = { sequence: firstSequence + index, entry, writeId: `${writeId}-${index}` };
    return [...written, { subject: usageSubject, key: undefined, row }];
  }

  #apply(request: WriteRequest): WriteAnswer {
    const { id, nowMs, writes } = request;
    const present = writes.map(({ key }) => this.#present(key, nowMs));
    const before = present.map((each) => each?.revision ?? 0);
    const at = writes.flatMap(({ ifRevision }, index) =>
      ifRevision === undefined || ifRevision === before[index] ? [] : [index],
    );
    if (at.length > 0) {
      this.#restOn(at.flatMap((index) => writes[index] ?? []));
      return { id, kind: 'conflict', at, before: at.map((index) => before[index] ?? 0) };
    }
    const planned = writes.map((write, index) => this.#plan(write, present[index]));
    if (this.#options.place.usageSubject !== undefined) this.#requireRoom(planned);
    const revisions = planned.map((plan) => this.#write(plan, writes.length > 1));
    const [only] = planned;
    const number = only?.number === undefined ? {} : { number: only.number };
    return { id, kind: 'done', before, revisions, ...number };
  }

  #plan(write: SentWrite, present: Present | undefined): Planned {
    const isLive = present !== undefined && !present.isExpired;
    const counted =
      write.op === 'increment' && isLive ? decimal(this.#of(write.key).entry?.value) : 0n;
    return planOf(write, present, counted);
  }

  #write(plan: Planned, isOneOfMany: boolean): Revision {
    const { write, present, effect } = plan;
    const subject = this.#subject(write.key);
    const working = this.#of(write.key);
    if (effect === 'none') {
      // What holds at the moment of the commit is checked by the commit, where there is another.
      const isChecked = write.ifRevision !== undefined && isOneOfMany;
      if (isChecked) this.#push(subject, write.key, undefined);
      else this.restsOn.add(subject);
      return present?.revision ?? 0;
    }
    this.#isUsageChanged ||= plan.addedBytes !== 0 || plan.addedKeys !== 0;
    const { bytes, keys } = this.#room;
    this.#room = { bytes: bytes + plan.addedBytes, keys: keys + plan.addedKeys };
    if (effect === 'remove') {
      this.#push(subject, write.key, undefined);
      return 0;
    }
    const value = plan.joins ? joined(write, working.entry) : plan.value;
    const meta = plan.keepsMeta ? working.entry?.meta : write.meta;
    return this.#push(subject, write.key, { value, meta, expiresAtMs: plan.expiresAtMs });
  }

  #push(subject: string, key: Uint8Array, entry: RowEntry | undefined): Revision {
    const working = this.#of(key);
    const revision = draftRevision + this.#messages.length;
    this.#messages.push({ subject, key, entry, expected: working.expected });
    this.#working.set(subject, { entry, revision, expected: undefined });
    return revision;
  }

  #requireRoom(planned: readonly Planned[]): void {
    const { limits, place } = this.#options;
    try {
      requireSpaceRoom(limits, this.#room, planned);
    } catch (error) {
      if (place.usageSubject !== undefined) this.restsOn.add(place.usageSubject);
      throw error;
    }
  }

  #present(key: Uint8Array, nowMs: number): Present | undefined {
    const { entry, revision } = this.#of(key);
    if (entry === undefined) return undefined;
    const { expiresAtMs, meta, value } = entry;
    const isExpired = expiresAtMs !== undefined && expiresAtMs <= nowMs;
    return {
      isExpired,
      revision: isExpired ? 0 : revision,
      valueBytes: value.byteLength,
      metaBytes: meta?.byteLength ?? 0,
      expiresAtMs,
    };
  }

  #of(key: Uint8Array): Working {
    const subject = this.#subject(key);
    const known = this.#working.get(subject);
    if (known !== undefined) return known;
    const { entry, sequence } = this.#options.rows.get(subject) ?? noRow;
    const working = { entry, revision: entry === undefined ? 0 : sequence, expected: sequence };
    this.#working.set(subject, working);
    return working;
  }

  #restOn(writes: readonly SentWrite[]): void {
    for (const { key } of writes) this.restsOn.add(this.#subject(key));
  }

  #subject(key: Uint8Array): string {
    return subjectOf(this.#options.place, key);
  }
}

/** The answer with the sequences that the messages have got. */
export function settle(answer: WriteAnswer, firstSequence: number): WriteAnswer {
  const real = (revision: Revision): Revision =>
    revision >= draftRevision ? firstSequence + (revision - draftRevision) : revision;
  if (answer.kind === 'error') return answer;
  const before = answer.before.map(real);
  if (answer.kind === 'conflict') return { ...answer, before };
  return { ...answer, before, revisions: answer.revisions.map(real) };
}

function joined(write: SentWrite, present: RowEntry | undefined): Uint8Array {
  if (present === undefined) return write.value;
  return write.op === 'prepend'
    ? joinBytes(write.value, present.value)
    : joinBytes(present.value, write.value);
}
