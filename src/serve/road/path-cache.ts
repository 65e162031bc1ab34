/**
 * Parsed request paths by the path they were parsed from: most requests of a site are for few
 * paths, and reading one again and again cost a serving thread 4 %. Only what was accepted is kept.
 */
import { LRUCache } from 'lru-cache';
import { parseRequestPath, type RequestPath } from '../../names.ts';

const pathsMax = 2_048;
/** Longer ones are not asked for often. */
const pathCharsMax = 256;

export class PathCache {
  readonly #paths = new LRUCache<string, RequestPath>({ max: pathsMax });
  /** The last that was found: the next request is often for the same. */
  #last: { readonly target: string; readonly path: RequestPath } | undefined;

  /** As `parseRequestPath`, errors included; a target with a query is always read anew. */
  parse(target: string): RequestPath {
    if (target === this.#last?.target) return this.#last.path;
    const known = this.#paths.get(target);
    if (known !== undefined) {
      this.#last = { target, path: known };
      return known;
    }
    const path = parseRequestPath(target);
    if (target.length <= pathCharsMax && path.query === '') this.#paths.set(target, path);
    return path;
  }

  get size(): number {
    return this.#paths.size;
  }
}
