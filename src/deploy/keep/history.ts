/** The versions of one module: what is kept, what serves. Pure: record in, record out. */
import type { Digest } from '../../threads/messages.ts';
import type { Pin } from './pins.ts';
import type { KeptVersion, ModuleRecord, SeenContent } from './record.ts';

export interface KeepLimits {
  readonly versionsKeptMax: number;
  /** All versions of the module together; the newest and the pinned one are kept all the same. */
  readonly keptBytesMax: number;
}

/** The version that serves: the pinned one while its rollback holds, else the newest. */
export function servingVersion(module: ModuleRecord, pin: Pin | undefined): KeptVersion {
  const pinned = heldDigest(module, pin);
  return module.versions.find(({ digest }) => digest === pinned) ?? module.versions[0];
}

/** The record after new content was accepted; `seen` is that content. */
export function acceptVersion(
  module: ModuleRecord | undefined,
  accepted: { readonly version: KeptVersion; readonly seen: SeenContent },
  options: { readonly pin: Pin | undefined; readonly limits: KeepLimits },
): ModuleRecord {
  const { version, seen } = accepted;
  const older = (module?.versions ?? []).filter(({ digest }) => digest !== version.digest);
  const next: ModuleRecord = { ...module, versions: [version, ...older], seen };
  return trimVersions(noteSeen(next, seen, options.pin), options);
}

/**
 * The record after content was judged. Other good content than at the rollback ends the rollback;
 * refused content changes nothing.
 */
export function noteSeen(
  module: ModuleRecord,
  seen: SeenContent,
  pin: Pin | undefined,
): ModuleRecord {
  const isGood = seen.refusal === undefined;
  const isSpent = isGood && pin !== undefined && pin.seenDigest !== seen.digest;
  const spentPin = isSpent ? pin.id : module.spentPin;
  return { versions: module.versions, seen, spentPin };
}

function trimVersions(
  module: ModuleRecord,
  options: { readonly pin: Pin | undefined; readonly limits: KeepLimits },
): ModuleRecord {
  const { versionsKeptMax, keptBytesMax } = options.limits;
  const [newest, ...older] = module.versions;
  const pinned = heldDigest(module, options.pin);
  let keptBytes = newest.bytes;
  const kept = older.filter((version, index) => {
    if (version.digest === pinned) return true;
    keptBytes += version.bytes;
    return index + 2 <= versionsKeptMax && keptBytes <= keptBytesMax;
  });
  return { ...module, versions: [newest, ...kept] };
}

function heldDigest(module: ModuleRecord, pin: Pin | undefined): Digest | undefined {
  if (pin === undefined || pin.id === module.spentPin) return undefined;
  const { digest, refusal } = module.seen;
  return refusal !== undefined || pin.seenDigest === digest ? pin.digest : undefined;
}
