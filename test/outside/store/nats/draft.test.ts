import { expect, test } from 'vitest';
import { defaultLimits } from '../../../../src/config/config.ts';
import type { SentWrite, WriteRequest } from '../../../../src/outside/store/messages.ts';
import { Draft, settle } from '../../../../src/outside/store/nats/draft.ts';
import { Places, subjectOf } from '../../../../src/outside/store/nats/places.ts';
import type { Row } from '../../../../src/outside/store/nats/rows.ts';
import { bytes, text } from '../contract-words.ts';

const space = { area: 'kv', name: '/keybase/public/alice\nkv.wasm' } as const;
const place = new Places('main', 1).of(space);
const usage = place.usageSubject ?? '';

function draftOver(rows: Readonly<Record<string, Row>> = {}, limits = defaultLimits): Draft {
  const known = Object.entries(rows).map(
    ([key, row]) => [key === '$' ? usage : subjectOf(place, bytes(key)), row] as const,
  );
  return new Draft({ place, rows: new Map(known), limits, nowMs: 0 });
}

function asked(op: SentWrite['op'], key: string, more: Partial<SentWrite> = {}): WriteRequest {
  const write = { op, key: bytes(key), value: bytes(''), ...more };
  return { ...space, id: 1, nowMs: 0, waitMs: 0, writes: [write] };
}

function row(value: string, sequence: number): Row {
  const entry = { value: bytes(value), meta: undefined, expiresAtMs: undefined };
  return { sequence, entry, writeId: 'other' };
}

test('later requests see what earlier ones write, and get the numbers of their messages', () => {
  const draft = draftOver({ n: row('5', 40), $: row('{"b":2,"k":1}', 41) });
  const answers = [
    draft.apply(asked('increment', 'n')),
    draft.apply(asked('increment', 'n')),
    draft.apply(asked('append', 'n', { value: bytes('!') })),
  ].map((answer) => settle(answer, 100));
  expect(answers).toMatchObject([
    { before: [40], revisions: [100], number: 6n },
    { before: [100], revisions: [101], number: 7n },
    { before: [101], revisions: [102] },
  ]);
  const messages = draft.outgoing();
  expect(messages.map(({ payload }) => text(payload))).toEqual(['6', '7', '7!', '{"b":3,"k":1}']);
  // Only the first of a subject says what it expects: the others stand behind it in the batch.
  expect(messages.map(({ expected }) => expected)).toEqual([40, undefined, undefined, 41]);
});

test('what the commit does not check is named: what is there already, conflicts, no room', () => {
  const there = draftOver({ a: row('1', 7) });
  expect(there.apply(asked('add', 'a'))).toMatchObject({ kind: 'done', before: [7] });
  expect(there.isEmpty).toBe(true);
  expect([...there.restsOn]).toEqual([subjectOf(place, bytes('a'))]);

  const conflict = draftOver({ a: row('1', 7) });
  expect(conflict.apply(asked('put', 'a', { ifRevision: 6 }))).toMatchObject({ before: [7] });
  expect(conflict.restsOn.size).toBe(1);

  const full = draftOver({}, { ...defaultLimits, kvNamespaceKeysMax: 0 });
  expect(full.apply(asked('put', 'a'))).toMatchObject({ kind: 'error', error: { kind: 'limit' } });
  expect([...full.restsOn]).toContain(usage);
});

test.each(['{', 'null', '{"b":2}'])(
  'a number that cannot be read, %s, counts as full',
  (damaged) => {
    const draft = draftOver({ a: row('1', 7), $: row(damaged, 8) });
    // Whoever needs room is refused, and that has it counted anew.
    const refused = { kind: 'error', error: { kind: 'limit' } };
    expect(draft.apply(asked('put', 'b'))).toMatchObject(refused);
    expect(draft.apply(asked('delete', 'a'))).toMatchObject({ kind: 'done' });
    expect(draft.apply(asked('put', 'b'))).toMatchObject(refused);
  },
);

test('a condition on what stays absent is checked by the commit of the others', () => {
  const draft = draftOver();
  const put = { op: 'put', key: bytes('a'), value: bytes('1') } as const;
  const gone = { op: 'delete', key: bytes('b'), value: bytes(''), ifRevision: 0 } as const;
  draft.apply({ ...space, id: 1, nowMs: 0, waitMs: 0, writes: [put, gone] });
  const subjects = draft.outgoing().map(({ subject }) => subject);
  expect(subjects).toContain(subjectOf(place, bytes('b')));
});

test('a message of a deleted key is expected, and hidden', () => {
  const draft = draftOver({ a: { sequence: 9, entry: undefined, writeId: 'x' } });
  expect(draft.apply(asked('put', 'a', { ifRevision: 0 }))).toMatchObject({ kind: 'done' });
  expect(draft.outgoing()[0]?.expected).toBe(9);
});
