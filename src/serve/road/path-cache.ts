/**
 * Parsed request paths by the path they were parsed from: most requests of a site are for few
 * paths, and reading one again and again cost a serving thread 4 %. Only what was accepted is kept.
 */
import { Buffer } from 'node:buffer';
import { LRUCache } from 'lru-cache';
import { parseRequestPath, type RequestPath, withQuery } from '../../names.ts';

const pathsMax = 2_048;
/** Longer ones are not asked for often. */
const pathCharsMax = 256;

export class PathCache {
  readonly #paths = new LRUCache<string, RequestPath>({ max: pathsMax });
  /** The last that was found: the next request is often for the same. */
  #last: { readonly target: string; readonly path: RequestPath } | undefined;

  /** As `parseRequestPath`, errors included. Queries are kept nowhere: they may hold secrets. */
  parse(target: string): RequestPath {
    if (target === this.#last?.target) return this.#last.path;
    const mark = target.indexOf('?');
    const isPath = mark === -1;
    const key = isPath ? target : target.slice(0, mark);
    const known = this.#paths.get(key);
    if (known === undefined) return this.#parseAnew(target, key);
    if (!isPath) return withQuery(known, target);
    this.#last = { target, path: known };
    return known;
  }

  #parseAnew(target: string, key: string): RequestPath {
    const path = parseRequestPath(target);
    if (key.length > pathCharsMax) return path;
    // A copy: what was cut out of a target would keep all of it, with its query.
    const own = Buffer.from(key, 'utf16le').toString('utf16le');
    this.#paths.set(own, parseRequestPath(own));
    return path;
  }

  get size(): number {
    return this.#paths.size;
  }
}
