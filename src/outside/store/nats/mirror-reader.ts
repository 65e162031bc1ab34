/** Edge: the mirror, read by SQLite, by a connection of one serving thread's own. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Entry, Space } from '../contract.ts';
import { Liveness, machineMs } from './liveness.ts';
import { type Places, subjectOf } from './places.ts';

export interface MirrorReaderOptions {
  readonly path: string;
  readonly liveness: SharedArrayBuffer;
  readonly places: Places;
  /** How much longer than it is true a row may be read; 0: not at all. */
  readonly staleReadsMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

export type MirrorHit = { readonly entry: Entry | undefined };

/** A notice may be lost: what is older is asked for again. */
const trustedMs = 30_000;
const busyTimeoutMs = 2_000;

export class MirrorReader {
  readonly #options: MirrorReaderOptions;
  readonly #liveness: Liveness;
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;

  /** @throws what SQLite throws */
  constructor(options: MirrorReaderOptions) {
    this.#options = options;
    this.#liveness = new Liveness(options.liveness);
    this.#database = new DatabaseSync(options.path, { readOnly: true, timeout: busyTimeoutMs });
    this.#find = this.#database.prepare(
      `SELECT value, revision, meta, expires_at FROM rows
       WHERE subject = ? AND epoch = ? AND read_at_ms > ?`,
    );
    this.#find.setReturnArrays(true);
  }

  /** Undefined: it has to be asked for. */
  read(space: Space, key: Uint8Array): MirrorHit | undefined {
    const { nowMs, places, staleReadsMs } = this.#options;
    const place = places.of(space);
    const atMs = machineMs() - staleReadsMs;
    // Before the row is read: what dies in between was true when it was asked for.
    if (atMs >= this.#liveness.aliveUntil(place.streamIndex)) return undefined;
    const { epoch } = this.#liveness;
    const row: unknown = this.#find.get(subjectOf(place, key), epoch, atMs - trustedMs);
    if (!Array.isArray(row)) return undefined;
    const [value, revision, meta, expiresAtMs]: readonly unknown[] = row;
    if (!(value instanceof Uint8Array)) return { entry: undefined };
    if (typeof expiresAtMs === 'number' && expiresAtMs <= nowMs()) return { entry: undefined };
    return {
      entry: {
        value,
        revision: Number(revision),
        ...(meta instanceof Uint8Array ? { meta } : {}),
        ...(typeof expiresAtMs === 'number' ? { expiresAtMs } : {}),
      },
    };
  }

  close(): void {
    this.#database.close();
  }
}
