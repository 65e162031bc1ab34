/** The files of the site as a guest's ABI sees them. */

export interface SiteFileFacts {
  readonly kind: 'file' | 'directory';
  readonly inode: bigint;
  readonly sizeBytes: bigint;
  /** Nanoseconds since the Unix epoch. */
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

export interface SiteEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
}

/** An open file of the site. Its owner closes it. */
export interface SiteFile {
  facts(): Promise<SiteFileFacts>;
  /** Up to `bytesMax` bytes from `position`; none at the end. The caller owns them. */
  read(position: number, bytesMax: number): Promise<Uint8Array>;
  /** Never throws. */
  close(): void;
}

/**
 * The folder of the site, to read: what a visitor could see by name, what the owner has made
 * private, and nothing else. Links are
 * followed where they stay inside. `segments` are single names; undefined means that there is no
 * such thing, whatever the reason. Rejects with TerrafirmaError `folder-unreachable` when the
 * mount does not answer.
 */
export interface SiteFiles {
  stat(segments: readonly string[]): Promise<SiteFileFacts | undefined>;
  /** At most `entriesMax` entries of a directory, sorted by name. */
  list(segments: readonly string[], entriesMax: number): Promise<readonly SiteEntry[] | undefined>;
  /** Opens a regular file. */
  open(segments: readonly string[]): Promise<SiteFile | undefined>;
}
