/**
 * All objects of one key of one site: one for each set of values of the request's headers that they
 * vary by, and who is obliged to bring one. Pure: the time is handed in.
 *
 * Rules of variation are tried with the newest first, as responses may change what they vary by.
 */
import type { LookMode } from './messages.ts';
import { isFresh, isUsable, type StoredObject } from './stored.ts';

/** Rules of one key; with the oldest go the objects that were found by it. */
const rulesMax = 16;

/** Whoever is to bring an object; compared by identity. */
export interface Holder {
  readonly place: Place;
  /** Which run of which thread. */
  readonly run: string;
}

/** Where an object is found, is or was. */
export interface Place {
  object: StoredObject | undefined;
  holder: Holder | undefined;
  readonly name: string;
  /** Of its name; other names may have the same. */
  readonly mark: number;
  readonly rule: Rule;
}

/** What a request's headers are by the rules that it was looked for with, in short. */
export type Marks = WeakMap<Rule, number>;

/** Whoever waits for what may be at a place. */
export interface Asker {
  readonly address: { readonly headers: readonly string[] };
  readonly marks: Marks;
}

/** What objects vary by, and where they are: a rule without a place is none. */
export interface Rule {
  readonly name: string;
  /** In lower case, each once, sorted. */
  readonly headers: readonly string[];
  readonly places: Map<string, Place>;
}

export type Verdict =
  /** Somebody is bringing it: one of these runs. */
  | { readonly kind: 'wait'; readonly runs: readonly string[] }
  | {
      readonly kind: 'answer';
      readonly object: StoredObject | undefined;
      /** Where whoever asks is obliged to bring it; undefined where not. */
      readonly obliged: Place | undefined;
      readonly isUncacheable: boolean;
    };

export interface Look {
  readonly headers: readonly string[];
  readonly mode: LookMode;
  readonly nowMs: number;
}

export class Shelf {
  /** The newest first. */
  #rules: Rule[] = [];
  readonly #onForgotten: (place: Place) => void;

  /** `onForgotten`: what is at this place is found no more. */
  constructor(onForgotten: (place: Place) => void) {
    this.#onForgotten = onForgotten;
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  look(look: Look): Verdict {
    const places = this.#placesFor(look.headers);
    if (look.mode === 'immediate' || look.mode === 'force-miss') {
      return this.#lookToReplace(places, look);
    }
    const fresh = places.find(({ object }) => object !== undefined && isFresh(object, look.nowMs));
    if (fresh?.object?.isMarker === true) return answer(undefined, undefined, true);
    if (fresh !== undefined && look.mode !== 'wait') return answer(fresh.object);
    const usable = places.find(({ object }) => isGood(object, look.nowMs));
    if (look.mode === 'find') return answer((usable ?? places.find(hasObject))?.object);
    if (usable !== undefined && look.mode === 'enter') {
      return answer(usable.object, usable.holder === undefined ? usable : undefined);
    }
    const runs = places.flatMap(({ holder }) => (holder === undefined ? [] : [holder.run]));
    if (runs.length > 0) return { kind: 'wait', runs };
    const place = usable ?? places.find(hasObject) ?? this.#emptyPlace(look);
    return answer(place.object, place);
  }

  /** Where an object that varies so is to be put for that request; its rule is the newest. */
  placeFor(varyBy: readonly string[], headers: readonly string[]): Place {
    const names = [...new Set(varyBy)].sort();
    const name = JSON.stringify(names);
    const known = this.#rules.find((rule) => rule.name === name);
    const rule = known ?? { name, headers: names, places: new Map<string, Place>() };
    const place = placeOf(rule, { headers });
    this.#rules = [rule, ...this.#rules.filter((one) => one !== rule)];
    for (const { places } of this.#rules.splice(rulesMax)) {
      for (const old of places.values()) this.#onForgotten(old);
    }
    return place;
  }

  /** Whether something may still be found there: the rule is not forgotten. */
  has({ rule }: Place): boolean {
    return this.#rules.includes(rule);
  }

  /** Whether a request may be answered with what is at that place. */
  isAt(place: Place, { address, marks }: Asker): boolean {
    const { rule } = place;
    if (!this.has(place)) return false;
    if (rule.headers.length === 0) return true;
    const known = marks.get(rule);
    if (known !== undefined && known !== place.mark) return false;
    const name = nameOf(rule.headers, address.headers);
    if (known === undefined) marks.set(rule, markOf(name));
    return name === place.name;
  }

  /** A place that is empty, and that nobody is obliged to fill, is nothing. */
  tidy(place: Place): void {
    if (place.object !== undefined || place.holder !== undefined) return;
    const { name, rule } = place;
    if (rule.places.get(name) === place) rule.places.delete(name);
    if (rule.places.size === 0) this.#rules = this.#rules.filter((one) => one !== rule);
  }

  #lookToReplace(places: readonly Place[], { headers, mode, nowMs }: Look): Verdict {
    const there = places.find(({ object }) => isGood(object, nowMs));
    const object = there?.object;
    if (mode === 'immediate' || places.some(({ holder }) => holder !== undefined)) {
      return answer(object);
    }
    const place = there ?? this.#emptyPlace({ headers });
    return answer(object, place);
  }

  #placesFor(headers: readonly string[]): readonly Place[] {
    const found: Place[] = [];
    for (const rule of this.#rules) {
      const place = rule.places.get(nameOf(rule.headers, headers));
      if (place !== undefined) found.push(place);
    }
    return found;
  }

  /** Of the newest rule; of none where there is no rule yet. */
  #emptyPlace(look: Pick<Look, 'headers'>): Place {
    const [newest] = this.#rules;
    return newest === undefined ? this.placeFor([], look.headers) : placeOf(newest, look);
  }
}

function placeOf(rule: Rule, { headers }: Pick<Look, 'headers'>): Place {
  const name = nameOf(rule.headers, headers);
  const known = rule.places.get(name);
  if (known !== undefined) return known;
  const place = { object: undefined, holder: undefined, name, mark: markOf(name), rule };
  rule.places.set(name, place);
  return place;
}

function answer(object: StoredObject | undefined, obliged?: Place, isUncacheable = false): Verdict {
  const found = object?.isMarker === true ? undefined : object;
  return { kind: 'answer', object: found, obliged, isUncacheable };
}

function hasObject({ object }: Place): boolean {
  return object !== undefined && !object.isMarker;
}

/** Whether it may be the answer now. */
export function isGood(object: StoredObject | undefined, nowMs: number): boolean {
  return object !== undefined && !object.isMarker && isUsable(object, nowMs);
}

/** The values that a request has of a rule's headers; no two sets have the same name. */
function nameOf(rule: readonly string[], headers: readonly string[]): string {
  if (rule.length === 0) return '[]';
  const values = new Map(rule.map((name) => [name, [name]]));
  for (let at = 0; at + 1 < headers.length; at += 2) {
    values.get(headers[at] ?? '')?.push(headers[at + 1] ?? '');
  }
  return JSON.stringify([...values.values()]);
}

/** 32 bits of a text (FNV-1a): who has others is somewhere else. */
function markOf(name: string): number {
  let mark = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) {
    mark = Math.imul(mark ^ name.charCodeAt(at), 0x01000193);
  }
  return mark;
}
