/** Edge: the mirror, read by SQLite, by a connection of one serving thread's own. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Entry, Space } from '../contract.ts';
import { Liveness, machineMs } from './liveness.ts';
import { mirrorKey } from './mirror-key.ts';
import type { Places } from './places.ts';

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
const nothing: MirrorHit = { entry: undefined };

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
      'SELECT value, revision, read_at_ms, meta, expires_at FROM rows WHERE space = ? AND key = ?',
    );
    this.#find.setReturnArrays(true);
  }

  /** Undefined: it has to be asked for. */
  read(space: Space, key: Uint8Array): MirrorHit | undefined {
    const { nowMs, places, staleReadsMs } = this.#options;
    const place = places.of(space);
    const atMs = machineMs() - staleReadsMs;
    // Before the row is read: what dies in between was true when it was asked for.
    if (!this.#liveness.isAlive(place.streamIndex, atMs)) return undefined;
    const row: unknown = this.#find.get(place.id, mirrorKey(key));
    if (!Array.isArray(row)) return undefined;
    const [value, revision, readAtMs, meta, expiresAtMs]: readonly unknown[] = row;
    if (typeof readAtMs !== 'number' || readAtMs <= atMs - trustedMs) return undefined;
    if (!(value instanceof Uint8Array) || typeof revision !== 'number') return nothing;
    if (meta === null && expiresAtMs === null) return { entry: { value, revision } };
    if (typeof expiresAtMs === 'number' && expiresAtMs <= nowMs()) return nothing;
    return {
      entry: {
        value,
        revision,
        ...(meta instanceof Uint8Array ? { meta } : {}),
        ...(typeof expiresAtMs === 'number' ? { expiresAtMs } : {}),
      },
    };
  }

  close(): void {
    this.#database.close();
  }
}
