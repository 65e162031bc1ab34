/**
 * What lies in a folder itself, by name: where an `index.wasm` answers for all that is no file,
 * most visitors ask for what is not there, and nobody need look for it. Pure.
 */
import { foldName } from '../names.ts';

/** Folded, as file systems compare names that have no case. */
export type TopNames = ReadonlySet<string>;

/** A folder with more is asked for each path: its names would be memory of every thread. */
export const topNamesMax = 64;
/** Of all names of a folder together. */
export const topNamesCharsMax = 1_024;

/**
 * What a file system finds by its letters alone: no short name of another, no dots at the end; and
 * what is heard of when it is new (`isServedName`).
 */
const plainName = /^\w[\w-]*(?:\.[\w-]+)*$/;

/** Takes the names one after the other. */
export class TopNamesTaker {
  #names: Set<string> | undefined = new Set();
  #chars = 0;

  /** Modules are asked for by their own names, and what begins with a dot is always looked for. */
  take(name: string): void {
    if (this.#names === undefined || name.startsWith('.')) return;
    const folded = foldName(name);
    if (folded.endsWith('.wasm')) return;
    this.#names.add(folded);
    this.#chars += folded.length;
    if (this.#names.size > topNamesMax || this.#chars > topNamesCharsMax) this.#names = undefined;
  }

  /** Undefined: too many, or too long. */
  get names(): TopNames | undefined {
    return this.#names;
  }
}

/** Whether a folder of those names has neither file nor directory where the path leads. */
export function lacks(names: TopNames | undefined, segments: readonly string[]): boolean {
  const [first] = segments;
  if (names === undefined || first === undefined || !plainName.test(first)) return false;
  return !names.has(foldName(first));
}
