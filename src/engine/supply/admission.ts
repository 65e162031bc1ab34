/**
 * How many runs may be at once on a thread, and how many may wait for that: per site, per owner
 * over all of its sites, and per client within a site. A site that is asked for more answers
 * `overloaded`, and recovers by itself as its runs end; one client alone cannot bring it so far.
 */

import type { Shares } from '../../account/shares.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import { canComeFree, type LinkedRequest } from './linked-request.ts';

export interface SeatWaiter {
  /** A run seat is yours from now on. */
  onSeat(): void;
}

export interface AdmissionOptions {
  readonly runsPerSiteMax: number;
  readonly queuedRunsPerSiteMax: number;
  readonly runsPerOwnerMax: number;
  /** Of a site's runs, and of its runs and queue together, in percent. */
  readonly clientSharePercentMax: number;
}

/** In no order. A set would be made anew as it shrinks, in every run that middleware leads to. */
class LinkedPlaces {
  readonly #places: Place[] = [];

  add(place: Place): void {
    if (place.linkedAt === -1) place.linkedAt = this.#places.push(place) - 1;
  }

  /** The last one takes its place. */
  delete(place: Place): void {
    const { linkedAt } = place;
    if (linkedAt === -1) return;
    place.linkedAt = -1;
    const last = this.#places.pop();
    if (last === undefined || last === place) return;
    last.linkedAt = linkedAt;
    this.#places[linkedAt] = last;
  }

  [Symbol.iterator](): IterableIterator<Place> {
    return this.#places.values();
  }
}

class OwnerSeats {
  runs = 0;
  /** What it may have for now, where that is less than what every owner may have. */
  ownRunsMax: number;
  /** With a seat, of requests that may wait for others meanwhile; of all its sites. */
  readonly linked = new LinkedPlaces();
  /** Sites with somebody who waits, the one that was served last at the end. */
  waiting: Set<SiteSeats> | undefined;
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions, ownRunsMax = Number.POSITIVE_INFINITY) {
    this.#options = options;
    this.ownRunsMax = ownRunsMax;
  }

  /** The operator may change what every owner may have. */
  get runsMax(): number {
    return Math.min(this.ownRunsMax, this.#options.runsPerOwnerMax);
  }
}

interface ClientSeats {
  requests: number;
  runs: number;
  waiting: Set<Place> | undefined;
}

/** Of nearly all of them nobody waits: sets of those who do are made when they must be. */
interface SiteSeats {
  readonly owner: OwnerSeats;
  requests: number;
  runs: number;
  /** What its owner allows, where that is less than what every site may have. */
  runsMax: number;
  clientRunsMax: number;
  /** The client that was served last at the end. */
  readonly clients: Map<string, ClientSeats>;
}

/** One request's place among those of its site; given back by `leave`. */
export interface Place {
  readonly site: SiteSeats;
  readonly client: ClientSeats;
  readonly clientKey: string;
  /** The owner has a seat for the request already. */
  readonly isCovered: boolean;
  request: LinkedRequest | undefined;
  hasSeat: boolean;
  /** Among those of its owner that are linked; -1 where it is none of them. */
  linkedAt: number;
  waiter: SeatWaiter | undefined;
}

/**
 * Clients that are remembered, counted at each of their sites, and with them sites and owners
 * without requests: making them anew costs every request.
 */
const clientsKeptMax = 16_384;
const idleClientsPerSiteMax = 16;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #sites = new Map<string, SiteSeats>();
  readonly #owners = new Map<string, OwnerSeats>();
  #clientCount = 0;
  /** With so many clients those are looked for that can be forgotten. */
  #forgetsAt = clientsKeptMax;
  /** Owners who may have fewer runs than others for now. */
  readonly #limited = new Map<OwnerKey, number>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Before a body is read: no work that could not begin anyway. It holds no place meanwhile, or
   * slow clients would hold all of them.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  requireRoom({ site, client }: Shares, runsMax?: number): void {
    const seats = this.#sites.get(site);
    if (seats === undefined) return;
    this.#setLimit(seats, runsMax);
    this.#requireRoom(seats, seats.clients.get(client));
  }

  /**
   * Takes in a request that is there whole. Without a client, nobody's share is looked at.
   *
   * @param isCovered It needs no seat of its owner's: another run of the request has one.
   * @param request Which it belongs to, where that may have several places.
   * @throws TerrafirmaError `overloaded`.
   */
  join(shares: Shares, runsMax?: number, isCovered = false, request?: LinkedRequest): Place {
    const site = this.#sites.get(shares.site) ?? this.#openSite(shares);
    this.#setLimit(site, runsMax);
    const known = site.clients.get(shares.client);
    // First: a client that is refused must leave nothing behind.
    this.#requireRoom(site, known);
    const client = known ?? this.#openClient(site, shares.client);
    site.requests += 1;
    client.requests += 1;
    const clientKey = shares.client;
    return {
      site,
      client,
      clientKey,
      isCovered,
      request,
      hasSeat: false,
      linkedAt: -1,
      waiter: undefined,
    };
  }

  /** How many sites are remembered. */
  get siteCount(): number {
    return this.#sites.size;
  }

  /** How many clients of a site are remembered. */
  clientCount(site: string): number {
    return this.#sites.get(site)?.clients.size ?? 0;
  }

  /** Takes a run seat if there is one for this client. */
  tryTakeSeat(place: Place): boolean {
    const { site, client } = place;
    if (!this.#hasSeatFor(place)) return false;
    site.runs += 1;
    if (!place.isCovered) site.owner.runs += 1;
    client.runs += 1;
    place.hasSeat = true;
    if (place.request !== undefined) site.owner.linked.add(place);
    return true;
  }

  /** From now on its run may wait for others that need seats, too. */
  link(place: Place, request: LinkedRequest): void {
    place.request = request;
    if (place.hasSeat) place.site.owner.linked.add(place);
  }

  /** From now on the owner may have so many runs at once; those under way go on. */
  limitOwner(owner: OwnerKey, runsMax: number): void {
    if (runsMax < this.#options.runsPerOwnerMax) this.#limited.set(owner, runsMax);
    else this.#limited.delete(owner);
    const seats = this.#owners.get(owner);
    if (seats === undefined) return;
    seats.ownRunsMax = runsMax;
    while (seats.runs < seats.runsMax && this.#handOn(seats));
  }

  /**
   * Before a wait for a place whose request has a seat already: whether one can come free. It
   * cannot where all are held by requests that wait for this one.
   */
  mayWait(place: Place): boolean {
    place.request?.beginWait(place);
    return canComeFree(place);
  }

  /** Waits for a seat: `onSeat` says when. */
  wait(place: Place, waiter: SeatWaiter): void {
    place.waiter = waiter;
    place.client.waiting ??= new Set();
    place.client.waiting.add(place);
    const { owner } = place.site;
    owner.waiting ??= new Set();
    owner.waiting.add(place.site);
  }

  /** The request is over. A seat it had goes to whoever is next. */
  leave(place: Place): void {
    const { site, client } = place;
    client.waiting?.delete(place);
    site.requests -= 1;
    client.requests -= 1;
    if (place.request !== undefined) {
      place.request.endWait(place);
      site.owner.linked.delete(place);
    }
    if (place.hasSeat) {
      place.hasSeat = false;
      site.runs -= 1;
      if (!place.isCovered) site.owner.runs -= 1;
      client.runs -= 1;
      if (site.owner.waiting !== undefined) this.#handOn(site.owner);
    }
    if (client.requests === 0 && site.clients.size > idleClientsPerSiteMax) {
      site.clients.delete(place.clientKey);
      this.#clientCount -= 1;
    }
  }

  #setLimit(site: SiteSeats, runsMax: number | undefined): void {
    const { clientSharePercentMax, runsPerSiteMax } = this.#options;
    const most = Math.min(runsMax ?? runsPerSiteMax, runsPerSiteMax);
    if (site.runsMax === most) return;
    site.runsMax = most;
    site.clientRunsMax = Math.ceil((most * clientSharePercentMax) / 100);
  }

  #requireRoom(site: SiteSeats, client: ClientSeats | undefined): void {
    const { clientSharePercentMax, queuedRunsPerSiteMax, runsPerSiteMax } = this.#options;
    if (site.requests >= site.runsMax + queuedRunsPerSiteMax) {
      if (site.owner.runsMax === 0) throw overloaded(heldRule);
      const runs = `${site.runsMax} runs at once and ${queuedRunsPerSiteMax} requests that wait`;
      throw overloaded(`this site may have ${runs}`);
    }
    const requestsMax = runsPerSiteMax + queuedRunsPerSiteMax;
    const clientMax = Math.ceil((requestsMax * clientSharePercentMax) / 100);
    if ((client?.requests ?? 0) >= clientMax) {
      throw overloaded(`one client may have ${clientMax} requests at once`);
    }
  }

  #hasSeatFor({ site, client, isCovered }: Place): boolean {
    if (site.runs >= site.runsMax) return false;
    if (!isCovered && site.owner.runs >= site.owner.runsMax) return false;
    return client.runs < site.clientRunsMax;
  }

  /**
   * Gives one seat to the owner's next site, and there to the next client, that may have it; false
   * where there is none.
   */
  #handOn(owner: OwnerSeats): boolean {
    const { waiting } = owner;
    if (waiting === undefined) return false;
    for (const site of waiting) {
      const next = this.#nextOf(site);
      if (next === 'nobody waits') waiting.delete(site);
      if (typeof next === 'string') continue;
      waiting.delete(site);
      waiting.add(site);
      next.client.waiting?.delete(next);
      next.request?.endWait(next);
      this.tryTakeSeat(next);
      next.waiter?.onSeat();
      return true;
    }
    return false;
  }

  #nextOf(site: SiteSeats): Place | 'nobody waits' | 'no seat' {
    let isWaitedFor = false;
    for (const [key, client] of site.clients) {
      const [place] = client.waiting ?? [];
      if (place === undefined) continue;
      isWaitedFor = true;
      if (!this.#hasSeatFor(place)) continue;
      site.clients.delete(key);
      site.clients.set(key, client);
      return place;
    }
    return isWaitedFor ? 'no seat' : 'nobody waits';
  }

  #openSite({ site, owner }: Shares): SiteSeats {
    if (this.#clientCount >= this.#forgetsAt) this.#forgetIdle();
    let ownerSeats = this.#owners.get(owner);
    if (ownerSeats === undefined) {
      ownerSeats = new OwnerSeats(this.#options, this.#limited.get(owner));
      this.#owners.set(owner, ownerSeats);
    }
    const limits = { runsMax: 0, clientRunsMax: 0 };
    const seats: SiteSeats = {
      ...limits,
      owner: ownerSeats,
      requests: 0,
      runs: 0,
      clients: new Map(),
    };
    this.#sites.set(site, seats);
    return seats;
  }

  #forgetIdle(): void {
    const inUse = new Set<OwnerSeats>();
    let clientCount = 0;
    for (const [key, site] of this.#sites) {
      if (site.requests === 0) this.#sites.delete(key);
      else {
        inUse.add(site.owner);
        clientCount += site.clients.size;
      }
    }
    for (const [key, owner] of this.#owners) if (!inUse.has(owner)) this.#owners.delete(key);
    this.#clientCount = clientCount;
    // Where most are in use they are not gone through for each site that is new.
    this.#forgetsAt = Math.max(clientsKeptMax, 2 * clientCount);
  }

  #openClient(site: SiteSeats, key: string): ClientSeats {
    const client: ClientSeats = { requests: 0, runs: 0, waiting: undefined };
    site.clients.set(key, client);
    this.#clientCount += 1;
    return client;
  }
}

/** Said instead of numbers that would not explain it. */
export const heldRule =
  'functions of this owner have kept everybody waiting, and wait themselves now, as many as may';

function overloaded(rule: string): TerrafirmaError {
  return new TerrafirmaError('overloaded', `Cannot answer now: ${rule}: received one more`);
}
