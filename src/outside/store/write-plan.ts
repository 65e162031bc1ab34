/** What a write makes of what is there: sizes first, bytes only when it is done. Pure. */
import { StoreError } from './contract.ts';
import type { SentWrite } from './messages.ts';

/** A row of the file. */
export interface Present {
  /** By the asker's clock: for the asker the key is absent. */
  readonly isExpired: boolean;
  /** 0 where it has expired. */
  readonly revision: number;
  readonly valueBytes: number;
  readonly metaBytes: number;
  readonly expiresAtMs: number | undefined;
}

export interface Planned {
  readonly write: SentWrite;
  readonly present: Present | undefined;
  readonly effect: 'none' | 'save' | 'remove';
  /** What is stored, unless it is joined to what is there. */
  readonly value: Uint8Array;
  readonly joins: boolean;
  readonly keepsMeta: boolean;
  readonly expiresAtMs: number | undefined;
  readonly valueBytes: number;
  readonly addedBytes: number;
  readonly addedKeys: number;
  /** After an increment. */
  readonly number: bigint | undefined;
}

const encoder = new TextEncoder();

/**
 * @param counted What an increment counts on.
 * @throws StoreError `input`
 */
export function planOf(
  write: SentWrite,
  present: Present | undefined,
  counted: bigint | undefined,
): Planned {
  const { op } = write;
  const live = present === undefined || present.isExpired ? undefined : present;
  if (op === 'delete') return plainPlan(write, present, present === undefined ? 'none' : 'remove');
  if (op === 'add' && live !== undefined) return plainPlan(write, present, 'none');
  if (live === undefined || op === 'put' || op === 'add') {
    const plan = plainPlan(write, present, 'save');
    return op === 'increment' ? counting(plan, 0n) : plan;
  }
  const plan = { ...plainPlan(write, present, 'save'), keepsMeta: write.meta === undefined };
  plan.expiresAtMs = write.expiresAtMs ?? live.expiresAtMs;
  if (plan.keepsMeta) plan.addedBytes += live.metaBytes;
  if (op === 'increment') return counting(plan, counted ?? 0n);
  plan.joins = true;
  plan.valueBytes += live.valueBytes;
  plan.addedBytes += live.valueBytes;
  return plan;
}

type Draft = { -readonly [name in keyof Planned]: Planned[name] };

/** The write's own bytes in place of whatever is in the file. */
function plainPlan(
  write: SentWrite,
  present: Present | undefined,
  effect: Planned['effect'],
): Draft {
  const { key, value, meta } = write;
  const rowBytes =
    present === undefined ? 0 : key.byteLength + present.valueBytes + present.metaBytes;
  const newBytes = key.byteLength + value.byteLength + (meta?.byteLength ?? 0);
  const isSaved = effect === 'save';
  return {
    write,
    present,
    effect,
    value,
    joins: false,
    keepsMeta: false,
    expiresAtMs: write.expiresAtMs,
    valueBytes: value.byteLength,
    addedBytes: effect === 'none' ? 0 : (isSaved ? newBytes : 0) - rowBytes,
    addedKeys: addedKeys(effect, present),
    number: undefined,
  };
}

function addedKeys(effect: Planned['effect'], present: Present | undefined): number {
  if (effect === 'remove') return -1;
  return effect === 'save' && present === undefined ? 1 : 0;
}

/** @throws StoreError `input` */
function counting(plan: Draft, counted: bigint): Draft {
  plan.number = sumOf(counted, plan.write.by ?? 1n);
  const value = encoder.encode(String(plan.number));
  plan.addedBytes += value.byteLength - plan.value.byteLength;
  plan.valueBytes = value.byteLength;
  plan.value = value;
  return plan;
}

/** @throws StoreError `input` for what is no decimal number of 64 bits */
export function decimal(value: unknown): bigint {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : '';
  if (/^-?[0-9]{1,19}$/.test(text)) return requireRange(BigInt(text));
  const rule = 'the value that is counted must be a decimal number';
  throw new StoreError('input', `Cannot count: ${rule}: received something else`);
}

export function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.byteLength + second.byteLength);
  joined.set(first, 0);
  joined.set(second, first.byteLength);
  return joined;
}

function sumOf(counted: bigint, by: bigint): bigint {
  return requireRange(counted + by);
}

function requireRange(number: bigint): bigint {
  if (BigInt.asIntN(64, number) === number) return number;
  const rule = 'a number that is counted has at most 64 bits';
  throw new StoreError('input', `Cannot count: ${rule}: received ${number}`);
}
