/**
 * Waiting things, served in turn: by owner, within an owner by site, within a site by client. An
 * owner with a hundred sites, or a client with a hundred requests, gets no more turns than one with
 * a single one. Among the requests of one client first come, first served, but for what one of them
 * has led to, which goes before those that have not begun. Where it is known what owners have used,
 * whoever used the least comes first.
 */
import type { OwnerKey } from '../names.ts';
import type { OwnerUse } from './owner-use.ts';
import type { Shares } from './shares.ts';

export interface Waiter {
  readonly shares: Shares;
}

/** Lines by a key, in order of service: the one that has waited longest comes first. */
type Lines<L> = Map<string, L>;

interface ClientLine<T> {
  readonly waiting: Set<T>;
  /** Before those; the last comes first. */
  readonly led: T[];
}

type SiteLine<T> = Lines<ClientLine<T>>;

interface OwnerLine<T> {
  readonly sites: Lines<SiteLine<T>>;
  /** When the owner was last served, or began to wait. */
  sinceMs: number;
}

export class FairQueue<T extends Waiter> {
  readonly #owners: Lines<OwnerLine<T>> = new Map();
  readonly #use: Pick<OwnerUse, 'of'> | undefined;
  #length = 0;
  /** Who waits alone stands in no line: mostly nobody else comes, and lines are made anew. */
  #only: T | undefined;
  #onlySinceMs = 0;

  constructor(use?: Pick<OwnerUse, 'of'>) {
    this.#use = use;
  }

  get length(): number {
    return this.#length;
  }

  get ownerCount(): number {
    return this.#only === undefined ? this.#owners.size : 1;
  }

  /** @param isLed Another of the same client, which has its turn, has led to it. */
  push(waiter: T, nowMs: number, isLed = false): void {
    this.#length += 1;
    if (this.#length === 1) {
      this.#only = waiter;
      this.#onlySinceMs = nowMs;
      return;
    }
    const only = this.#only;
    this.#only = undefined;
    if (only !== undefined) this.#lineUp(only, this.#onlySinceMs, false);
    this.#lineUp(waiter, nowMs, isLed);
  }

  #lineUp(waiter: T, nowMs: number, isLed: boolean): void {
    const { owner, site, client } = waiter.shares;
    const ownerLine = lineOf(this.#owners, owner, () => ({ sites: new Map(), sinceMs: nowMs }));
    const siteLine = lineOf(ownerLine.sites, site, () => new Map<string, ClientLine<T>>());
    const line = lineOf(siteLine, client, (): ClientLine<T> => ({ waiting: new Set(), led: [] }));
    if (isLed) line.led.push(waiter);
    else line.waiting.add(waiter);
  }

  /** The next waiter; its owner, site and client go to the ends of their lines. */
  shift(nowMs: number): T | undefined {
    const only = this.#only;
    if (only !== undefined) {
      this.#only = undefined;
      this.#length -= 1;
      return only;
    }
    const next = this.#nextOwner();
    if (next === undefined) return undefined;
    const [owner, ownerLine] = next;
    const waiter = shiftSite(ownerLine.sites);
    ownerLine.sinceMs = nowMs;
    rotate(this.#owners, owner, ownerLine, ownerLine.sites.size);
    if (waiter !== undefined) this.#length -= 1;
    return waiter;
  }

  /** Whether the waiter was there to be taken out. */
  delete(waiter: T): boolean {
    if (this.#only === waiter) {
      this.#only = undefined;
      this.#length -= 1;
      return true;
    }
    const { owner, site, client } = waiter.shares;
    const sites = this.#owners.get(owner)?.sites;
    const clients = sites?.get(site);
    const line = clients?.get(client);
    if (line === undefined || !takeOut(line, waiter)) return false;
    this.#length -= 1;
    if (countOf(line) === 0) clients?.delete(client);
    if (clients?.size === 0) sites?.delete(site);
    if (sites?.size === 0) this.#owners.delete(owner);
    return true;
  }

  /** What the owner has used that comes next; nothing is less where nobody waits. */
  get leastUsed(): number {
    if (this.#only !== undefined) return this.#usedBy(this.#only.shares.owner);
    const next = this.#nextOwner();
    return next === undefined ? Number.POSITIVE_INFINITY : this.#usedBy(next[0]);
  }

  /** Since when the owner that has waited longest waits; never, where nobody waits. */
  get oldestSinceMs(): number {
    if (this.#only !== undefined) return this.#onlySinceMs;
    return firstOf(this.#owners)?.[1].sinceMs ?? Number.POSITIVE_INFINITY;
  }

  /** Of those who used as little, the one that has waited longest. */
  #nextOwner(): readonly [string, OwnerLine<T>] | undefined {
    if (this.#use === undefined || this.#owners.size < 2) return firstOf(this.#owners);
    let next: readonly [string, OwnerLine<T>] | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const line of this.#owners) {
      const used = this.#usedBy(line[0]);
      if (used >= least) continue;
      next = line;
      least = used;
    }
    return next;
  }

  #usedBy(owner: string): number {
    return this.#use?.of(owner as OwnerKey) ?? 0;
  }
}

function lineOf<L>(lines: Lines<L>, key: string, open: () => L): L {
  const known = lines.get(key);
  if (known !== undefined) return known;
  const opened = open();
  lines.set(key, opened);
  return opened;
}

function firstOf<L>(lines: Lines<L>): readonly [string, L] | undefined {
  for (const entry of lines) return entry;
  return undefined;
}

/** Puts a line that was served behind the others, or away when nothing is left in it. */
function rotate<L>(lines: Lines<L>, key: string, line: L, left: number): void {
  lines.delete(key);
  if (left > 0) lines.set(key, line);
}

function shiftSite<T>(sites: Lines<SiteLine<T>>): T | undefined {
  const first = firstOf(sites);
  if (first === undefined) return undefined;
  const [site, clients] = first;
  const waiter = shiftClient(clients);
  rotate(sites, site, clients, clients.size);
  return waiter;
}

function shiftClient<T>(clients: SiteLine<T>): T | undefined {
  const first = firstOf(clients);
  if (first === undefined) return undefined;
  const [client, line] = first;
  const waiter = line.led.pop() ?? shiftWaiting(line.waiting);
  rotate(clients, client, line, countOf(line));
  return waiter;
}

function shiftWaiting<T>(waiting: Set<T>): T | undefined {
  for (const waiter of waiting) {
    waiting.delete(waiter);
    return waiter;
  }
  return undefined;
}

function countOf<T>({ waiting, led }: ClientLine<T>): number {
  return waiting.size + led.length;
}

/** Whether it was there. */
function takeOut<T>({ waiting, led }: ClientLine<T>, waiter: T): boolean {
  if (waiting.delete(waiter)) return true;
  const place = led.indexOf(waiter);
  if (place === -1) return false;
  led.splice(place, 1);
  return true;
}
