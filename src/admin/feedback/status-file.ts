/** What a folder's owner is told of it by a file in it. Pure. */
import type { FolderLook } from '../../deploy/folder/folder-look.ts';
import { decideAccess } from '../../site/access.ts';

const bytesMax = 64 * 1024;
/** Sentences of ours may hold what strangers chose: cut as in the log. */
const detailCharsMax = 500;
const sessionsToldMax = 50;

/** Whether anybody may read the folder, and so what is written into it. */
export function isPublic({ folderKey, site }: FolderLook): boolean {
  if (folderKey.startsWith('/keybase/public/') || site === undefined) return true;
  return decideAccess(site.manifest, [], undefined).kind === 'granted';
}

/** Undefined where nothing may be told: the folder is public, and its owner has not said so. */
export function describeForOwner(
  look: FolderLook,
  about: {
    readonly version: string;
    readonly isPublicAllowed: boolean;
    readonly sessions: readonly unknown[];
  },
): Readonly<Record<string, unknown>> | undefined {
  const isOpen = isPublic(look);
  if (isOpen && !about.isPublicAllowed) return undefined;
  const modules = [...(look.site?.modules ?? [])].map(([module, state]) =>
    state.kind === 'serving'
      ? { module, verdict: 'serving', abi: state.abi, digest: state.digest }
      : {
          module,
          verdict: 'refused',
          reason: isOpen ? state.error.code : state.error.detail.slice(0, detailCharsMax),
        },
  );
  return {
    schemaVersion: 1,
    version: about.version,
    state: look.state,
    ...(isOpen ? {} : { reason: look.reason?.slice(0, detailCharsMax) ?? null }),
    ...(isOpen ? {} : { sessions: about.sessions.slice(0, sessionsToldMax) }),
    modules,
  };
}

/** With as many modules as fit. */
export function formatStatus(
  status: Readonly<Record<string, unknown>>,
  writtenAt: string,
): Uint8Array {
  const modules = status.modules as readonly unknown[];
  for (let count = modules.length; ; count = Math.floor(count / 2)) {
    const isCut = count < modules.length;
    const told = { writtenAt, ...status, modules: modules.slice(0, count) };
    const text = JSON.stringify(isCut ? { ...told, isCut } : told, undefined, 2);
    const bytes = Buffer.from(`${text}\n`);
    if (bytes.length <= bytesMax || count === 0) return bytes;
  }
}
