/** What a folder's owner is told of it by a file in it. Pure. */
import type { FolderLook } from '../../deploy/folder/folder-look.ts';
import { decideAccess } from '../../site/access.ts';
import { adviceFor } from '../advice.ts';

const bytesMax = 64 * 1024;
/** Sentences of ours may hold what strangers chose: cut as in the log. */
const detailCharsMax = 500;
const sessionsToldMax = 50;

/** Whether anybody may read the folder, and so what is written into it. */
export function isPublic({ folderKey, site }: FolderLook): boolean {
  if (folderKey.startsWith('/keybase/public/') || site === undefined) return true;
  return decideAccess(site.manifest, [], undefined).kind === 'granted';
}

/** What is known of a folder beside the look at it. */
export interface FolderFacts {
  /** What seals secrets for it, base64url; left out where nothing was sealed yet. */
  readonly sealingKey?: string;
  /** Of the last hour, by module and limit. */
  readonly limitsReached?: readonly {
    readonly module: string;
    readonly limit: string;
    readonly count: number;
  }[];
  /** Of the names that lead to the folder. */
  readonly certificates?: readonly {
    readonly host: string;
    readonly notAfter: string;
    readonly lastError: string | null;
  }[];
}

export interface AboutStatus {
  readonly version: string;
  readonly isPublicAllowed: boolean;
  /** Browsers that are signed in. */
  readonly sessions: readonly unknown[];
  readonly facts?: FolderFacts;
}

/** Undefined where nothing may be told: the folder is public, and its owner has not said so. */
export function describeForOwner(
  look: FolderLook,
  { facts = {}, isPublicAllowed, sessions, version }: AboutStatus,
): Readonly<Record<string, unknown>> | undefined {
  const isOpen = isPublic(look);
  if (isOpen && !isPublicAllowed) return undefined;
  const modules = [...(look.site?.modules ?? [])].map(([module, state]) =>
    state.kind === 'serving'
      ? { module, verdict: 'serving', abi: state.abi, digest: state.digest }
      : {
          module,
          verdict: 'refused',
          reason: isOpen ? state.error.code : state.error.detail.slice(0, detailCharsMax),
        },
  );
  const common = { schemaVersion: 1, version, state: look.state };
  // Whoever reads the folder reads it all: verdicts alone.
  if (isOpen) return { ...common, modules };
  return {
    ...common,
    reason: look.reason?.slice(0, detailCharsMax) ?? null,
    sealingKey: facts.sealingKey ?? null,
    advice: adviceFor(look),
    limitsReached: facts.limitsReached ?? [],
    certificates: facts.certificates ?? [],
    sessions: sessions.slice(0, sessionsToldMax),
    modules,
  };
}

/** Counts of a day: they change all the time, and are no reason of their own to write. */
export interface DayCounts {
  readonly requests: number;
  readonly failures: number;
}

/** With as many modules as fit. */
export function formatStatus(
  status: Readonly<Record<string, unknown>>,
  writtenAt: string,
  lastDay?: DayCounts,
): Uint8Array {
  const modules = status.modules as readonly unknown[];
  for (let count = modules.length; ; count = Math.floor(count / 2)) {
    const isCut = count < modules.length;
    const counts = lastDay === undefined ? {} : { lastDay };
    const told = { writtenAt, ...status, ...counts, modules: modules.slice(0, count) };
    const text = JSON.stringify(isCut ? { ...told, isCut } : told, undefined, 2);
    const bytes = Buffer.from(`${text}\n`);
    if (bytes.length <= bytesMax || count === 0) return bytes;
  }
}
