/**
 * How long a folder must be quiet and how often it is looked at, by the kind of file system it is
 * on. FUSE and network mounts show the writes of other machines late, piecewise and without events.
 */
import type { WatchConfig, WatchMode } from '../../config/config.ts';

export interface FolderTiming {
  readonly quietMs: number;
  readonly pollMs: number;
  /**
   * A file last changed this long ago is taken as complete at first sight: it need not be watched
   * for `quietMs` first. On a mount with other writers the times are theirs, and a file may still
   * be arriving seconds after its last write there.
   */
  readonly settledAgeMs: number;
  /**
   * A file that nobody has open for writing is complete after this time already. Undefined where
   * that cannot be known, or nothing would be won.
   */
  readonly quietClosedMs?: number | undefined;
  readonly hasEvents: boolean;
}

/** Linux's magic numbers (statfs(2)) of file systems that are not this machine's own disk. */
const networkTypes: ReadonlySet<number> = new Set([
  0x65735546, // FUSE: KBFS, sshfs, rclone, virtiofs
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2
  0x01021997, // 9p: shares of virtual machines
  0x5346414f, // AFS
  0x6b414653, // kAFS
  0x00c36400, // Ceph
  0x73757245, // Coda
  0x786f4256, // VirtualBox shares
  0xbacbacbc, // VMware shares
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
]);

const networkSettledAgeMs = 60_000;

/** `fileSystemType` is `statfs().type`; only Linux gives it a fixed meaning. */
export function isNetworkType(fileSystemType: number): boolean {
  return networkTypes.has(fileSystemType >>> 0);
}

export function chooseTiming(
  watch: WatchConfig,
  folder: { readonly isNetwork: boolean; readonly mode: WatchMode },
): FolderTiming {
  const { isNetwork, mode } = folder;
  const quietMs = isNetwork ? watch.quietNetworkMs : watch.quietMs;
  const isEarlier = !isNetwork && watch.quietClosedMs < quietMs;
  return {
    quietMs,
    pollMs: isNetwork ? watch.pollNetworkMs : watch.pollMs,
    settledAgeMs: isNetwork ? Math.max(networkSettledAgeMs, quietMs) : quietMs,
    quietClosedMs: isEarlier ? watch.quietClosedMs : undefined,
    hasEvents: mode === 'events' || (mode === 'auto' && !isNetwork),
  };
}
