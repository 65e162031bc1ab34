/** Which blobs are of use: those that a record of the area `deploy` names. Edge: NATS. */
import type { Digest } from '../../../names.ts';
import { unavailable } from '../waiting-writes.ts';
import type { Link } from './link.ts';
import type { Places } from './places.ts';
import { readSubjects } from './stream-reading.ts';

/** In versions and rollbacks alike. What only looks like one keeps a blob for too long, no more. */
const named = /"[0-9a-f]{64}"/g;

/** Of all folders. Rejects with StoreError where not all of them were read. */
export async function readNamedDigests(link: Link, places: Places): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  const filter = `${places.subjectRoot(0)}.deploy.>`;
  const wanted = { stream: places.controlStream, filter, isHeadersOnly: false };
  const end = await readSubjects(link, wanted, (message) => {
    for (const [quoted] of message.string().matchAll(named)) {
      digests.add(quoted.slice(1, -1) as Digest);
    }
  });
  if (end !== undefined) return digests;
  throw unavailable('its engine must tell all records of deploys: received a part');
}
