/**
 * Parsed host names by the authority they were parsed from: a site is asked for by few names, and
 * parsing one costs more than all the rest of a head.
 */
import { LRUCache } from 'lru-cache';
import { TerrafirmaError } from '../../errors.ts';
import { readAuthority } from '../../http/authority.ts';
import type { Authorities } from '../../http/request-head.ts';
import { type HostName, parseHostName } from '../../names.ts';

/** As many as there are sites that a machine serves well: all of them are asked for in turn. */
const namesMax = 16_384;
/** No host name with its port is longer; `parseHostName` refuses what is. */
const authorityCharsMax = 260;

export class HostNames implements Authorities {
  readonly #names = new LRUCache<string, { readonly name: HostName | undefined }>({
    max: namesMax,
  });
  /** The last that was asked for: the next request is often for the same. */
  #lastAuthority: string | undefined;
  #lastName: HostName | undefined;
  #lastRaw: string | undefined;
  #lastRead = '';

  /** As `readAuthority`: what that refuses it refuses again. */
  read(raw: string): string {
    if (raw === this.#lastRaw) return this.#lastRead;
    this.#lastRead = readAuthority(raw);
    this.#lastRaw = raw;
    return this.#lastRead;
  }

  /** Undefined for what is no host name, such as an address: `parseHostName` says why. */
  of(authority: string): HostName | undefined {
    if (authority === this.#lastAuthority) return this.#lastName;
    if (authority.length > authorityCharsMax) return undefined;
    let known = this.#names.get(authority);
    if (known === undefined) {
      known = { name: parse(authority) };
      this.#names.set(authority, known);
    }
    this.#lastAuthority = authority;
    this.#lastName = known.name;
    return known.name;
  }

  get size(): number {
    return this.#names.size;
  }
}

function parse(authority: string): HostName | undefined {
  try {
    return parseHostName(authority);
  } catch (error) {
    if (error instanceof TerrafirmaError) return undefined;
    throw error;
  }
}
