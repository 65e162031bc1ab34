/** What guests open by a name: the same name gives the same number again. */
import { HandleTable } from '../../handles.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FastlyRun } from '../run.ts';

/** Names of stores; a longer one nobody can have given. */
const nameBytesMax = 1_024;

export class NamedHandles<T extends object> {
  readonly #find: (name: string) => T | undefined;
  readonly #table: HandleTable<T>;
  readonly #byName = new Map<string, number>();

  /** @param find What there is of that name. */
  constructor(run: FastlyRun, kind: string, find: (name: string) => T | undefined) {
    this.#find = find;
    const handlesMax = run.limits.fastlyHandlesPerRunMax;
    this.#table = new HandleTable({ kind, firstHandle: 1, handlesMax });
  }

  /** Undefined where there is nothing of that name. @throws HandleError `full` */
  open(name: string): number | undefined {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const found = this.#find(name);
    if (found === undefined) return undefined;
    const handle = this.#table.add(found);
    this.#byName.set(name, handle);
    return handle;
  }

  /** @throws HandleError `unknown` */
  get(handle: number): T {
    return this.#table.get(handle);
  }
}

/** @throws FastlyFault `inval` */
export function readName(guest: FastlyGuest, ptr: number, len: number): string {
  return guest.readText(ptr, len, nameBytesMax);
}
