/**
 * Pieces of whole files that nothing names: of a node that died while it stored one, or was cut off
 * from the engine. Edge: NATS.
 */
import { EngineError, type Link } from './link.ts';
import type { Bucket } from './objects.ts';

export interface LooseParts {
  readonly link: Link;
  readonly bucket: Bucket;
  /** Younger ones may be about to be named. Milliseconds since the Unix epoch. */
  readonly beforeMs: number;
}

/** Each is asked for, with its last piece: the rest comes with the next sweep. */
const removedAtOnceMax = 100;
const apiMs = 5_000;
const notFoundCode = 10_037;

/**
 * Resolves to how many files' pieces were removed.
 *
 * @param readNamed The pieces that are named, read after it is known which there are.
 */
export async function removeLoosePieces(
  parts: LooseParts,
  readNamed: () => Promise<ReadonlySet<string>>,
): Promise<number> {
  const { beforeMs, bucket, link } = parts;
  const there = await piecesThere(parts);
  if (there.length === 0) return 0;
  const named = await readNamed();
  const loose = there.filter((id) => !named.has(id)).slice(0, removedAtOnceMax);
  let removed = 0;
  for (const id of loose) {
    const lastMs = await lastStoredMs(parts, id);
    if (lastMs === undefined || lastMs >= beforeMs) continue;
    await link.ask(`STREAM.PURGE.${bucket.stream}`, { filter: bucket.piecesOf(id) }, apiMs);
    removed += 1;
  }
  return removed;
}

/** By their ids. */
async function piecesThere({ bucket, link }: LooseParts): Promise<readonly string[]> {
  const ids: string[] = [];
  for (;;) {
    const question = { subjects_filter: bucket.allPieces, offset: ids.length };
    const info = await link.ask(`STREAM.INFO.${bucket.stream}`, question, apiMs);
    const { state, total } = Object(info);
    const subjects = Object.keys(Object(Object(state).subjects));
    ids.push(...subjects.flatMap((subject) => bucket.idOf(subject) ?? []));
    if (subjects.length === 0 || ids.length >= Number(total ?? 0)) return ids;
  }
}

/** Undefined: they are gone. */
async function lastStoredMs({ bucket, link }: LooseParts, id: string): Promise<number | undefined> {
  try {
    const question = { last_by_subj: bucket.piecesOf(id) };
    const answer = await link.ask(`STREAM.MSG.GET.${bucket.stream}`, question, apiMs);
    const { time } = Object(Object(answer).message);
    return Date.parse(String(time));
  } catch (error) {
    if (error instanceof EngineError && error.code === notFoundCode) return undefined;
    throw error;
  }
}
