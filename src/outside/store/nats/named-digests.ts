/** Which blobs are of use: those that a record of the area `deploy` names. Edge: NATS. */
import type { Digest } from '../../../names.ts';
import { unavailable } from '../waiting-writes.ts';
import { readAtLeader } from './leader-reading.ts';
import type { Link } from './link.ts';
import type { Places } from './places.ts';

/** In versions and rollbacks alike. What only looks like one keeps a blob for too long, no more. */
const named = /"[0-9a-f]{64}"/g;

/** Of all folders. Rejects where not all of them were read: what is not named is removed. */
export async function readNamedDigests(link: Link, places: Places): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  const wanted = {
    stream: places.controlStream,
    filter: `${places.subjectRoot(0)}.deploy.>`,
  };
  try {
    for await (const { data } of readAtLeader(link, wanted)) {
      for (const [quoted] of data.toString().matchAll(named)) {
        digests.add(quoted.slice(1, -1) as Digest);
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw unavailable(`its engine must tell all records of deploys: received ${reason}`);
  }
  return digests;
}
