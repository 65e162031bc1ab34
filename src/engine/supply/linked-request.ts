/**
 * Runs that have seats while they wait for others: those that middleware leads one request through,
 * and those that send requests which come back over the network. Two modules with one seat each
 * that send to each other in opposite order would wait for each other until their time is up. So a
 * wait begins only where the seat can come free: where enough of those who have one will end though
 * nobody gets what only those who wait can give back. Every wait is looked at when it begins, and
 * nothing but a new wait can make others hopeless.
 */

/** One of its places among those of a site; see `Admission`. */
export interface LinkedPlace {
  readonly site: {
    readonly runsMax: number;
    readonly clientRunsMax: number;
    readonly owner: {
      readonly runsMax: number;
      /** Those with a seat, of all its sites. */
      readonly linked: Iterable<LinkedPlace>;
    };
  };
  readonly client: object;
  /** It needs no seat of its owner's. */
  readonly isCovered: boolean;
  readonly request: LinkedRequest | undefined;
}

type Look = () => boolean;

const nothing: ReadonlySet<never> = new Set();

export class LinkedRequest {
  /** Both are made when there is something: every request that middleware leads is one of these. */
  #waiting: Set<LinkedPlace> | undefined;
  #looksElsewhere: Set<Look> | undefined;
  #callers: readonly LinkedRequest[] = [];
  #onWait: ((isWaiting: boolean) => void) | undefined;
  #waits = 0;

  /** What its runs wait for while others of its runs have seats. */
  get waiting(): ReadonlySet<LinkedPlace> {
    return this.#waiting ?? nothing;
  }

  /** Others wait for it: it may not wait for them. */
  get hasCallers(): boolean {
    return this.#onWait !== undefined;
  }

  /**
   * It came back from those, which are on this thread, or from others.
   *
   * @param onWait Tells the others.
   */
  comeFrom(callers: readonly LinkedRequest[], onWait: (isWaiting: boolean) => void): void {
    this.#callers = callers;
    this.#onWait = onWait;
  }

  get isBlockedElsewhere(): boolean {
    for (const isBlocked of this.#looksElsewhere ?? nothing) if (isBlocked()) return true;
    return false;
  }

  /** @param isBlocked Whether something waits on another thread that this request waits for. */
  lookElsewhere(isBlocked: Look): void {
    this.#looksElsewhere ??= new Set();
    this.#looksElsewhere.add(isBlocked);
  }

  /** That is over. */
  forgetElsewhere(isBlocked: Look): void {
    this.#looksElsewhere?.delete(isBlocked);
  }

  /** Whoever waits for it waits for that place, too. */
  beginWait(place: LinkedPlace): void {
    this.#note(place);
    for (const caller of this.#callers) caller.#note(place);
    this.#waits += 1;
    if (this.#waits === 1) this.#onWait?.(true);
  }

  /** Nothing happens where it has ended before. */
  endWait(place: LinkedPlace): void {
    if (this.#waiting?.delete(place) !== true) return;
    for (const caller of this.#callers) caller.#waiting?.delete(place);
    this.#waits -= 1;
    if (this.#waits === 0) this.#onWait?.(false);
  }

  #note(place: LinkedPlace): void {
    this.#waiting ??= new Set();
    this.#waiting.add(place);
  }
}

/** Whether a seat can come free for a place that its request counts among what it waits for. */
export function canComeFree(place: LinkedPlace): boolean {
  // Mostly somebody has a seat who waits for nobody.
  const ending = new Set<LinkedRequest>();
  for (const request of requestsAt(place)) if (willEnd(request, ending)) ending.add(request);
  if (isFreedBy(place, ending)) return true;
  const requests = concernedBy(place);
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
  const requests = new Set(requestsAt(place));
  for (const request of requests) {
    // Grows while it is gone through.
    for (const wait of request.waiting) for (const other of requestsAt(wait)) requests.add(other);
  }
  return requests;
}

/** Those that have what `place` waits for, and others of its owner. */
function* requestsAt({ site }: LinkedPlace): Iterable<LinkedRequest> {
  for (const { request } of site.owner.linked ?? []) if (request !== undefined) yield request;
}

/** What waits on another thread is taken to wait for good: only they could say when it ends. */
function willEnd(request: LinkedRequest, ending: ReadonlySet<LinkedRequest>): boolean {
  if (request.isBlockedElsewhere) return false;
  for (const place of request.waiting) if (!isFreedBy(place, ending)) return false;
  return true;
}

/** Whether there is a seat when all have ended but linked requests that are not in `ending`. */
function isFreedBy(place: LinkedPlace, ending: ReadonlySet<LinkedRequest>): boolean {
  const { site, client, isCovered } = place;
  const staying = ({ request }: LinkedPlace): boolean =>
    request !== undefined && !ending.has(request);
  let ofSite = 0;
  let ofClient = 0;
  let ofOwner = 0;
  for (const held of site.owner.linked) {
    if (!staying(held)) continue;
    if (!held.isCovered) ofOwner += 1;
    if (held.site !== site) continue;
    ofSite += 1;
    if (held.client === client) ofClient += 1;
  }
  if (ofSite >= site.runsMax || ofClient >= site.clientRunsMax) return false;
  return isCovered || ofOwner < site.owner.runsMax;
}
