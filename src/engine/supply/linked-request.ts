/**
 * One visitor's request that middleware leads through several runs. It has seats while it waits for
 * others: two modules with one seat each that send to each other in opposite order would wait for
 * each other until their time is up. So a wait begins only where the seat can come free: where
 * enough of those who have one will end though nobody gets what only those who wait can give back.
 * Every wait is looked at when it begins, and nothing but a new wait can make others hopeless.
 */

/** One of its places among those of a site; see `Admission`. */
export interface LinkedPlace {
  readonly site: {
    readonly runsMax: number;
    readonly clientRunsMax: number;
    /** Those with a seat. */
    readonly linked: ReadonlySet<LinkedPlace>;
  };
  readonly client: object;
  readonly request: LinkedRequest | undefined;
}

export class LinkedRequest {
  /** What its runs wait for while others of its runs have seats. */
  readonly waiting = new Set<LinkedPlace>();
}

/** Whether a seat can come free for a place that its request counts among what it waits for. */
export function canComeFree(place: LinkedPlace): boolean {
  const requests = concernedBy(place);
  const ending = new Set<LinkedRequest>();
  let known: number;
  do {
    known = ending.size;
    for (const request of requests) {
      if (!ending.has(request) && willEnd(request, ending)) ending.add(request);
    }
  } while (ending.size > known);
  return isFreedBy(place, ending);
}

/** All whose seats somebody waits for who has what `place` waits for, however far away. */
function concernedBy(place: LinkedPlace): ReadonlySet<LinkedRequest> {
  const requests = new Set<LinkedRequest>();
  const add = ({ site }: LinkedPlace): void => {
    for (const { request } of site.linked) if (request !== undefined) requests.add(request);
  };
  add(place);
  // Grows while it is gone through.
  for (const request of requests) for (const wait of request.waiting) add(wait);
  return requests;
}

function willEnd(request: LinkedRequest, ending: ReadonlySet<LinkedRequest>): boolean {
  for (const place of request.waiting) if (!isFreedBy(place, ending)) return false;
  return true;
}

/** Whether there is a seat when all have ended but linked requests that are not in `ending`. */
function isFreedBy(place: LinkedPlace, ending: ReadonlySet<LinkedRequest>): boolean {
  const { site, client } = place;
  let ofSite = 0;
  let ofClient = 0;
  for (const held of site.linked) {
    if (held.request === undefined || ending.has(held.request)) continue;
    ofSite += 1;
    if (held.client === client) ofClient += 1;
  }
  return ofSite < site.runsMax && ofClient < site.clientRunsMax;
}
