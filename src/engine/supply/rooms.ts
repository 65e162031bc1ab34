/**
 * Pages that a guest's memory has beyond its first size, because runs have grown it: they stay, and
 * the guest can load from them. Most programs grow by a page or two in every run. Were each such
 * guest for the site alone that grew it, thousands of sites that share a program would have one
 * each; so they pass from site to site, and yet nobody can tell what others did: a site gets guests
 * whose room is what its own runs have needed at most, neither more nor less, and new ones too.
 * Room comes in a few sizes, so that one guest suits many.
 */
import { pageBytes } from '../../abi/memory.ts';

/** 0: none; else 2 ** (room - 1) pages. */
export type Room = number;

/** A mebibyte. What has grown further serves the site that grew it, as its room is its own. */
const roomMax: Room = 5;
/** Of those that have grown anything, the ones that did last. */
const sitesMaxDefault = 65_536;

export function roomBytesOf(room: Room): number {
  return room === 0 ? 0 : pageBytes * 2 ** (room - 1);
}

/** The least room for so many bytes; undefined: none is so large. */
export function roomFor(grownBytes: number): Room | undefined {
  for (let room = 0; room <= roomMax; room += 1) {
    if (grownBytes <= roomBytesOf(room)) return room;
  }
  return undefined;
}

/**
 * How much room each site's guests of one program have: a program that never grows traps where it
 * should, whatever else its site has. One thread's.
 */
export class SiteRooms {
  readonly #rooms = new Map<string, Room>();
  readonly #sitesMax: number;

  constructor({ sitesMax = sitesMaxDefault } = {}) {
    this.#sitesMax = sitesMax;
  }

  /** Of a site that is not known, or was forgotten, none. */
  of(site: string): Room {
    return this.#rooms.get(site) ?? 0;
  }

  /** A run of the site has needed `room`. */
  raise(site: string, room: Room): void {
    if (room === 0 || room <= this.of(site)) return;
    this.#rooms.delete(site);
    this.#rooms.set(site, room);
    const [oldest] = this.#rooms.keys();
    if (this.#rooms.size > this.#sitesMax && oldest !== undefined) this.#rooms.delete(oldest);
  }
}
