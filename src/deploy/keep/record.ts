/**
 * What the state directory remembers about one folder: which versions of which modules were good,
 * and what was last seen. Pure: text in, record out. The text may be anything after a disk fault.
 */
import { TerrafirmaError } from '../../errors.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import type { Digest } from '../../threads/messages.ts';

/** One accepted version of a module. */
export interface KeptVersion {
  readonly digest: Digest;
  readonly abi: string;
  /** Milliseconds since the Unix epoch. */
  readonly acceptedAtMs: number;
  readonly bytes: number;
}

/** The content that was last judged, good or bad: what a restart need not judge again. */
export interface SeenContent {
  readonly digest: Digest;
  /** See `FileStamp` in scan.ts. */
  readonly stamp: string;
  /** Why it was refused; absent when it was accepted. */
  readonly refusal?: string | undefined;
}

export interface ModuleRecord {
  /** Newest first; the first one serves unless another is pinned. Never empty. */
  readonly versions: readonly [KeptVersion, ...KeptVersion[]];
  readonly seen: SeenContent;
  /** A deleted file keeps its versions for a while, but serves nothing. */
  readonly goneAtMs?: number | undefined;
  /** The rollback that no longer holds because the file changed after it; see pins.ts. */
  readonly spentPin?: string | undefined;
}

export interface FolderRecord {
  readonly folderKey: FolderKey;
  readonly directory: string;
  /** The text of the last valid `.kbp_config`; absent when the folder had none. */
  readonly manifest?: string | undefined;
  /** The text of the last valid `terrafirma.toml`; absent when the folder had none. */
  readonly settings?: string | undefined;
  /** The text of the last `fastly.toml`; absent when the folder had none. */
  readonly fastly?: string | undefined;
  readonly modules: ReadonlyMap<ModulePath, ModuleRecord>;
  /** Since when the folder itself has not been there; see reclaim.ts. */
  readonly goneAtMs?: number | undefined;
}

const digestPattern = /^[0-9a-f]{64}$/;

/** Every digest the record names: what must not be deleted. */
export function digestsOf(record: FolderRecord): Set<Digest> {
  const digests = new Set<Digest>();
  for (const module of record.modules.values()) {
    for (const version of module.versions) digests.add(version.digest);
  }
  return digests;
}

export function formatRecord(record: FolderRecord): string {
  const modules = [...record.modules].sort(([a], [b]) => (a < b ? -1 : 1));
  const { folderKey, directory, manifest, settings, fastly, goneAtMs } = record;
  const rules = { manifest, settings, fastly };
  const kept = { format: 1, folderKey, directory, ...rules, goneAtMs, modules };
  return `${JSON.stringify(kept, null, 1)}\n`;
}

/** @throws TerrafirmaError('state') when `text` is not a whole record */
export function parseRecord(text: string): FolderRecord {
  const value = objectOf(parseJson(text), 'the record');
  if (value.format !== 1) throw broken('format is 1', value.format);
  const modules = new Map<ModulePath, ModuleRecord>();
  for (const pair of listOf(value.modules, 'modules')) {
    const [path, module] = listOf(pair, 'a module');
    modules.set(textOf(path, 'a module path') as ModulePath, parseModule(module));
  }
  return {
    folderKey: textOf(value.folderKey, 'folderKey') as FolderKey,
    directory: textOf(value.directory, 'directory'),
    manifest: optional(value.manifest, 'manifest', textOf),
    settings: optional(value.settings, 'settings', textOf),
    fastly: optional(value.fastly, 'fastly', textOf),
    goneAtMs: optional(value.goneAtMs, 'goneAtMs', numberOf),
    modules,
  };
}

function parseModule(json: unknown): ModuleRecord {
  const value = objectOf(json, 'a module');
  const seen = objectOf(value.seen, 'seen');
  const [newest, ...older] = listOf(value.versions, 'versions').map(parseVersion);
  if (newest === undefined) throw broken('versions are not empty', '[]');
  return {
    versions: [newest, ...older],
    seen: {
      digest: digestOf(seen.digest),
      stamp: textOf(seen.stamp, 'stamp'),
      refusal: optional(seen.refusal, 'refusal', textOf),
    },
    goneAtMs: optional(value.goneAtMs, 'goneAtMs', numberOf),
    spentPin: optional(value.spentPin, 'spentPin', textOf),
  };
}

function parseVersion(json: unknown): KeptVersion {
  const value = objectOf(json, 'a version');
  return {
    digest: digestOf(value.digest),
    abi: textOf(value.abi, 'abi'),
    acceptedAtMs: numberOf(value.acceptedAtMs, 'acceptedAtMs'),
    bytes: numberOf(value.bytes, 'bytes'),
  };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw broken('it is JSON', text.slice(0, 40));
  }
}

export function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw broken(`${what} is an object`, value);
  }
  return value as Readonly<Record<string, unknown>>;
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw broken(`${what} is a list`, value);
  return value;
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw broken(`${what} is text`, value);
  return value;
}

export function numberOf(value: unknown, what: string): number {
  if (typeof value !== 'number') throw broken(`${what} is a number`, value);
  return value;
}

export function digestOf(value: unknown): Digest {
  const text = textOf(value, 'a digest');
  if (!digestPattern.test(text)) throw broken('a digest is 64 hexadecimal digits', text);
  return text as Digest;
}

function optional<T>(
  value: unknown,
  what: string,
  parse: (value: unknown, what: string) => T,
): T | undefined {
  return value === undefined ? undefined : parse(value, what);
}

function broken(rule: string, received: unknown): TerrafirmaError {
  return new TerrafirmaError('state', `Cannot read the record: ${rule}: received ${received}`);
}
