/** The walks over one folder in use, each in its turn. */
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { type FolderListing, listFolder, type ScanOptions } from '../look/scan.ts';
import { type WalkGates, WalkTurn } from '../look/walk-turn.ts';
import type { Rhythm } from './rhythm.ts';
import type { FolderStamp, Stillness } from './stillness.ts';

export interface WalksParts extends Pick<ScanOptions, 'fs'> {
  readonly config: { readonly limits: ScanOptions['limits'] };
  readonly walks: WalkGates;
  readonly nowMs: () => number;
}

/** What a look begins with. */
export interface EarlyWalk {
  /** From before the walk, or beside it: what has changed so lately has none. */
  readonly stamp: Promise<FolderStamp>;
  readonly listed: Promise<FolderListing>;
}

export class FolderWalks {
  readonly #parts: WalksParts;
  readonly #rhythm: Pick<Rhythm, 'noteWalk'>;
  #early: EarlyWalk | undefined;

  constructor(parts: WalksParts, rhythm: Pick<Rhythm, 'noteWalk'>) {
    this.#parts = parts;
    this.#rhythm = rhythm;
  }

  /** Begins the first look, before there is all that this needs. */
  begin({ directory, signs }: LocatedFolder, stillness: Pick<Stillness, 'read'>): void {
    this.#early = { stamp: stillness.read(signs), listed: this.list(directory) };
    for (const each of Object.values(this.#early)) each.catch(() => 'the look tells it');
  }

  /** What was begun, for one look. */
  takeEarly(): EarlyWalk | undefined {
    const early = this.#early;
    this.#early = undefined;
    return early;
  }

  /** @throws as `listFolder` */
  async list(directory: string): Promise<FolderListing> {
    const { fs, nowMs, config, walks } = this.#parts;
    using pace = await WalkTurn.begin(walks);
    const startedAtMs = nowMs();
    const listing = await listFolder({ fs, directory, limits: config.limits, pace });
    this.#rhythm.noteWalk(listing.entryCount, nowMs() - startedAtMs);
    return listing;
  }
}
