/** The types, tags and reference locals that every generated module has beside its functions. */

/** Heap types as they stand in code. */
export const Heap = { func: 0x70, any: 0x6e, eq: 0x6d, i31: 0x6c, exn: 0x69 } as const;

const i32 = 0x7f;
const i64 = 0x7e;
const f64 = 0x7c;
const i8 = 0x78;
const refNull = 0x63;
const mutable = 1;
const open = [0x50, 0];

/** Type indices behind those of `signatureCount` functions. */
export class TypeIndices {
  readonly #first: number;
  /** V8 counts the type exnref among the new instructions, which the legacy ones exclude. */
  readonly #exception: number;

  constructor(signatureCount: number, hasNewExceptions: boolean) {
    this.#first = signatureCount;
    this.#exception = hasNewExceptions ? Heap.exn : Heap.any;
  }

  /** () → (): tag 0. */
  get empty(): number {
    return this.#first;
  }

  /** (i32, i64) → (): tag 1. */
  get payload(): number {
    return this.#first + 1;
  }

  /** () → (i32, i64): where a clause leads with the payload. */
  get payloadResult(): number {
    return this.#first + 2;
  }

  /** () → (i32, i64, exnref). */
  get payloadAndException(): number {
    return this.#first + 3;
  }

  /** A struct with an i32, an f64 and a reference to one of its kind. */
  get node(): number {
    return this.#first + 4;
  }

  /** A node with an i64 more. */
  get largeNode(): number {
    return this.#first + 5;
  }

  get numbers(): number {
    return this.#first + 6;
  }

  get bytes(): number {
    return this.#first + 7;
  }

  get nodes(): number {
    return this.#first + 8;
  }

  get functions(): number {
    return this.#first + 9;
  }

  /** The entries of the type section, in order. */
  entries(): number[][] {
    const { node } = this;
    const fields = [i32, mutable, f64, mutable, refNull, node, mutable];
    return [
      [0x60, 0, 0],
      [0x60, 2, i32, i64, 0],
      [0x60, 0, 2, i32, i64],
      [0x60, 0, 3, i32, i64, this.#exception],
      [...open, 0x5f, 3, ...fields],
      [0x50, 1, node, 0x5f, 4, ...fields, i64, mutable],
      [0x5e, i32, mutable],
      [0x5e, i8, mutable],
      [0x5e, refNull, node, mutable],
      [0x5e, Heap.func, mutable],
    ];
  }

  /** Types of the reference locals, in the order of `Ref`. */
  locals(): number[][] {
    return [
      [refNull, this.node],
      [refNull, this.numbers],
      [refNull, this.bytes],
      [refNull, this.nodes],
      [refNull, this.functions],
      [Heap.any],
      [this.#exception],
    ];
  }
}

/** The reference locals of a function, numbered from the first. */
export const Ref = {
  node: 0,
  numbers: 1,
  bytes: 2,
  nodes: 3,
  functions: 4,
  any: 5,
  exception: 6,
} as const;
