/** What the streams of an installation must be. Pure. */
import { Bucket } from './objects.ts';
import type { Places } from './places.ts';

/** As the engine's interface writes it (docs.nats.io, JetStream, streams). */
export type StreamConfig = Readonly<Record<string, unknown>>;

const duplicateWindowNs = 120_000_000_000;
/** What a later release may not take for its own. */
const format = '1';

/** Of the control stream, of each shard, by their index, and of whole files. */
export function allStreamConfigs(places: Places, replicas: number): readonly StreamConfig[] {
  return [...streamConfigs(places, replicas), filesConfig(places, replicas)];
}

/** Of the control stream and of each shard, by their index. */
export function streamConfigs(places: Places, replicas: number): readonly StreamConfig[] {
  return places.streams.map((name, index) => {
    const src = `${places.subjectRoot(index)}.>`;
    return {
      name,
      subjects: [src],
      storage: 'file',
      retention: 'limits',
      num_replicas: replicas,
      max_msgs_per_subject: 1,
      discard: 'new',
      duplicate_window: duplicateWindowNs,
      // A copy that answers directly may be behind: 15 of 1,800 were, with nothing broken.
      allow_direct: false,
      mirror_direct: false,
      allow_atomic: true,
      allow_msg_ttl: true,
      republish: { src, dest: `${places.noticeRoot(index)}.>`, headers_only: true },
      metadata: { 'terrafirma.format': format },
    };
  });
}

/** As every client of the engine makes an object store. */
function filesConfig(places: Places, replicas: number): StreamConfig {
  const bucket = new Bucket(places.blobBucket);
  return {
    name: bucket.stream,
    subjects: [bucket.allPieces, bucket.allObjects],
    storage: 'file',
    retention: 'limits',
    num_replicas: replicas,
    discard: 'new',
    allow_direct: true,
    allow_rollup_hdrs: true,
  };
}

/** What the operator may choose: sizes, placement. Everything else must be as wanted. */
const compared = [
  'subjects',
  'storage',
  'retention',
  'num_replicas',
  'max_msgs_per_subject',
  'discard',
  'duplicate_window',
  'allow_direct',
  'allow_atomic',
  'allow_msg_ttl',
  'allow_rollup_hdrs',
  'republish',
] as const;

/** In words, the first thing in which a stream is not what it must be. */
export function differenceOf(wanted: StreamConfig, found: StreamConfig): string | undefined {
  for (const name of compared) {
    if (wanted[name] === undefined) continue;
    const have = comparable(found[name]);
    const want = comparable(wanted[name]);
    if (have !== want) return `${name} must be ${want}: received ${have}`;
  }
  if (wanted.metadata === undefined) return undefined;
  const foundFormat = Object(found.metadata)['terrafirma.format'];
  if (foundFormat === format) return undefined;
  return `metadata terrafirma.format must be ${format}: received ${String(foundFormat)}`;
}

/** What is left out counts as false. */
function comparable(value: unknown): string {
  if (value === undefined || value === null) return 'false';
  if (typeof value !== 'object' || Array.isArray(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(entries));
}
