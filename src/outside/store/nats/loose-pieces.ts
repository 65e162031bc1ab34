/**
 * Pieces of whole files that nothing names: of a node that died while it stored one, or was cut off
 * from the engine. Edge: NATS.
 */
import { messageAtLeader, readAtLeader } from './leader-reading.ts';
import type { Link } from './link.ts';
import { type Bucket, decodeObject } from './objects.ts';

export interface LooseParts {
  readonly link: Link;
  readonly bucket: Bucket;
  /** Younger ones may be about to be named. Milliseconds since the Unix epoch. */
  readonly beforeMs: number;
}

/** Each is asked for, with its last piece: the rest comes with the next sweep. */
const removedAtOnceMax = 100;
const apiMs = 5_000;

/**
 * Resolves to how many files' pieces were removed. A listing comes from any server that has the
 * stream, which may be one that still catches up: whatever it lacks would be lost. So what it
 * shows as unnamed is looked for once more, in what the leader has.
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
  const unnamed = there.filter((id) => !named.has(id)).slice(0, removedAtOnceMax);
  const loose = new Set<string>();
  for (const id of unnamed) {
    const lastMs = await lastStoredMs(parts, id);
    if (lastMs !== undefined && lastMs < beforeMs) loose.add(id);
  }
  if (loose.size > 0) for (const id of await namedAtLeader(parts)) loose.delete(id);
  for (const id of loose) {
    await link.ask(`STREAM.PURGE.${bucket.stream}`, { filter: bucket.piecesOf(id) }, apiMs);
  }
  return loose.size;
}

/** For the rare time that there is something to remove. */
async function namedAtLeader({ bucket, link }: LooseParts): Promise<readonly string[]> {
  const ids: string[] = [];
  const { allObjects: filter, stream } = bucket;
  for await (const { data } of readAtLeader(link, { filter, stream })) {
    const object = decodeObject(data);
    if (object !== undefined) ids.push(object.id);
  }
  return ids;
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
  const question = { last_by_subj: bucket.piecesOf(id) };
  return (await messageAtLeader(link, bucket.stream, question))?.storedAtMs;
}
