/** What all nodes have accepted of one module, as it lies in the shared store. Pure. */
import type { Digest } from '../../threads/messages.ts';
import { digestOf, objectOf, parseJson } from '../keep/record.ts';
import type { Entry } from './decision.ts';

export interface CommonEntry extends Entry {
  readonly abi: string;
  readonly bytes: number;
  /** Which node accepted it. */
  readonly by: string;
}

export interface CommonModule {
  /** Newest first. */
  readonly entries: readonly CommonEntry[];
  /** The version of a rollback. */
  readonly pinned: Digest | undefined;
  /** Of a rule: what its newest entry says; undefined where that deleted it. */
  readonly text: string | undefined;
}

/**
 * What the owner says about the folder lies beside its modules, under names that no module has: its
 * `.kbp_config` and its `terrafirma.toml`, as text; its `fastly.toml` with what it names as a blob.
 */
export const ruleKeys = { manifest: '\0manifest', settings: '\0settings' } as const;

export const fastlyKey = '\0fastly';

export type RuleName = keyof typeof ruleKeys;

export function isRuleKey(path: string): boolean {
  return path.startsWith('\0');
}

/**
 * The module's value, with whatever else is in it; a rollback without entries among them.
 *
 * @throws TerrafirmaError `state` when it is not whole
 */
export function parseCommon(value: Uint8Array): CommonModule {
  const read = objectOf(parseJson(Buffer.from(value).toString()), 'a module');
  const list: readonly unknown[] = Array.isArray(read.entries) ? read.entries : [];
  const pin = read.pin === undefined ? undefined : objectOf(read.pin, 'a rollback');
  const text = typeof read.text === 'string' ? read.text : undefined;
  return { entries: list.map(parseEntry), pinned: pin && digestOf(pin.digest), text };
}

/** The same value with other entries, and the text of the newest; what else is in it stays. */
export function withEntries(
  value: Uint8Array | undefined,
  entries: readonly CommonEntry[],
  text: string | undefined,
): Uint8Array {
  const read = value === undefined ? {} : objectOf(parseJson(Buffer.from(value).toString()), 'it');
  return Buffer.from(JSON.stringify({ ...read, entries, text }));
}

/** What is kept of them: the newest, and that of a rollback. */
export function trimEntries(
  entries: readonly CommonEntry[],
  keep: { readonly versionsKeptMax: number; readonly pinned: Digest | undefined },
): readonly CommonEntry[] {
  return entries.filter(
    ({ digest }, index) =>
      index < keep.versionsKeptMax || (digest !== null && digest === keep.pinned),
  );
}

function parseEntry(json: unknown): CommonEntry {
  const { seq, digest, mtimeMs, acceptedAtMs, abi, bytes, by } = objectOf(json, 'an entry');
  return {
    seq: Number(seq),
    digest: digest === null ? null : digestOf(digest),
    mtimeMs: Number(mtimeMs),
    acceptedAtMs: Number(acceptedAtMs),
    abi: String(abi),
    bytes: Number(bytes),
    by: String(by),
  };
}
