/** What the generators of special code see of the function they write into. */
import type { Value } from './operations.ts';
import type { Random } from './random.ts';

export interface Signature {
  readonly params: readonly Value[];
  readonly results: readonly Value[];
}

/** A label in scope: what a branch to it takes; undefined where that is a reference. */
export interface Label {
  readonly takes: readonly Value[] | undefined;
}

export interface Scope {
  readonly random: Random;
  readonly signatures: readonly Signature[];
  /** What the function returns. */
  readonly results: readonly Value[];
  readonly labels: readonly Label[];
  op(...bytes: number[]): void;
  i32(value: number): void;
  /** An expression of `type`. */
  value(type: Value, depth: number): void;
  statements(depth: number): void;
  /** An expression for each type. */
  pushAll(types: readonly Value[]): void;
  dropAll(types: readonly Value[]): void;
  /** Does `body` inside a label that takes `takes`; undefined: no branch at random may take it. */
  inside(takes: readonly Value[] | undefined, body: () => void): void;
  /** A loop that takes a tick a round, does `body`, and goes round by br_if. */
  loop(depth: number, body: () => void): void;
  /** Numbers of the labels that take nothing; inside a block or loop there is one at least. */
  emptyLabels(): number[];
  /** Number of a local of `type`. */
  anyLocal(type: Value): number;
}
