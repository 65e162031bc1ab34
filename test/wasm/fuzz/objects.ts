/**
 * Structs, arrays, casts and the branches on references at random. References live in locals of
 * their own, which begin as null: nearly all uses test for that first.
 */

import { f64, i32, i64 } from './operations.ts';
import type { Scope } from './scope.ts';
import { Heap, Ref, type TypeIndices } from './types.ts';

export interface ObjectPlan {
  readonly types: TypeIndices;
  readonly firstReference: number;
}

const gc = 0xfb;
const ref = 0x64;
const nullable = 0x63;

export class ObjectGenerator {
  readonly #code: Scope;
  readonly #types: TypeIndices;
  readonly #first: number;

  constructor(code: Scope, plan: ObjectPlan) {
    this.#code = code;
    this.#types = plan.types;
    this.#first = plan.firstReference;
  }

  #get(local: number): void {
    this.#code.op(0x20, this.#first + local);
  }

  #set(local: number): void {
    this.#code.op(0x21, this.#first + local);
  }

  #array(): { readonly local: number; readonly type: number } {
    const { numbers, bytes, nodes, functions } = this.#types;
    return this.#code.random.pick([
      { local: Ref.numbers, type: numbers },
      { local: Ref.bytes, type: bytes },
      { local: Ref.nodes, type: nodes },
      { local: Ref.functions, type: functions },
    ]);
  }

  /** A value for an element of an array of `type`. */
  #element(type: number): void {
    if (type === this.#types.nodes) this.#get(Ref.node);
    else if (type !== this.#types.functions) this.#code.value(i32, 1);
    else if (this.#code.random.chance(50)) this.#code.op(0xd0, Heap.func);
    else this.#code.op(0xd2, this.#code.random.below(this.#code.signatures.length));
  }

  statement(): void {
    const choice = this.#code.random.below(8);
    if (choice === 0) this.#newNode();
    else if (choice === 1) this.#newArray();
    else if (choice === 2) this.#setField();
    else if (choice < 5) this.#setElement();
    else if (choice < 7) this.#bulk();
    else this.#keepAny();
  }

  #newNode(): void {
    const code = this.#code;
    const { node, largeNode } = this.#types;
    const isLarge = code.random.chance(50);
    if (code.random.chance(30)) code.op(gc, 1, isLarge ? largeNode : node);
    else {
      code.pushAll([i32, f64]);
      this.#get(Ref.node);
      if (isLarge) code.value(i64, 1);
      code.op(gc, 0, isLarge ? largeNode : node);
    }
    this.#set(Ref.node);
  }

  #newArray(): void {
    const code = this.#code;
    const { local, type } = this.#array();
    const { numbers, bytes, functions } = this.#types;
    const choice = code.random.below(4);
    const count = code.random.chance(5) ? code.random.below(20_000) : code.random.below(20);
    if (choice === 0) {
      code.i32(count);
      code.op(gc, 7, type);
    } else if (choice === 1) {
      const few = code.random.below(4);
      for (let i = 0; i < few; i++) this.#element(type);
      code.op(gc, 8, type, few);
    } else if (choice === 2 && type === functions) {
      this.#segment();
      code.op(gc, 10, type, 0);
    } else if (choice === 2 && (type === numbers || type === bytes)) {
      this.#segment();
      code.op(gc, 9, type, code.random.below(2));
    } else {
      this.#element(type);
      code.i32(count);
      code.op(gc, 6, type);
    }
    this.#set(local);
  }

  /** A start and a count, which may lie beyond the segment. */
  #segment(): void {
    this.#code.i32(this.#code.random.below(3));
    this.#code.i32(this.#code.random.below(4));
  }

  /** Does `body` where a reference local is not null. */
  #ifAny(local: number, body: () => void): void {
    const code = this.#code;
    this.#get(local);
    code.op(0xd1, 0x45, 0x04, 0x40);
    code.inside([], body);
    code.op(0x0b);
  }

  /** An index within the array of `local`, or rarely beyond it; traps where it is empty. */
  #index(local: number): void {
    const code = this.#code;
    code.value(i32, 1);
    if (code.random.chance(3)) return;
    this.#get(local);
    code.op(gc, 15, 0x70);
  }

  #setField(): void {
    this.#ifAny(Ref.node, () => {
      const { random } = this.#code;
      this.#get(Ref.node);
      const field = random.below(3);
      if (field === 0) this.#code.value(i32, 2);
      else if (field === 1) this.#code.value(f64, 2);
      else this.#get(Ref.node);
      this.#code.op(gc, 5, this.#types.node, field);
    });
  }

  #setElement(): void {
    const { local, type } = this.#array();
    this.#ifAny(local, () => {
      this.#get(local);
      this.#index(local);
      this.#element(type);
      this.#code.op(gc, 14, type);
    });
  }

  /** array.fill, copy, init_data, init_elem: small, or as long as the array is. */
  #bulk(): void {
    const { local, type } = this.#array();
    const { numbers, bytes, functions } = this.#types;
    const { random } = this.#code;
    this.#ifAny(local, () => {
      this.#get(local);
      this.#index(local);
      const choice = random.below(3);
      if (choice === 0) {
        this.#element(type);
        this.#count(local);
        this.#code.op(gc, 16, type);
      } else if (choice === 1 && type === functions) {
        this.#segment();
        this.#code.op(gc, 19, type, 0);
      } else if (choice === 1 && (type === numbers || type === bytes)) {
        this.#segment();
        this.#code.op(gc, 18, type, random.below(2));
      } else {
        this.#get(local);
        this.#index(local);
        this.#count(local);
        this.#code.op(gc, 17, type, type);
      }
    });
  }

  #count(local: number): void {
    const { random } = this.#code;
    if (random.chance(60)) this.#code.i32(random.below(3));
    else {
      this.#get(local);
      this.#code.op(gc, 15);
      this.#code.i32(random.below(8));
      this.#code.op(0x6b);
    }
  }

  #keepAny(): void {
    const code = this.#code;
    if (code.random.chance(50)) {
      code.value(i32, 1);
      code.op(gc, 28);
    } else this.#get(code.random.pick([Ref.node, Ref.numbers, Ref.bytes]));
    this.#set(Ref.any);
  }

  /** Branches by what a reference is: to any label that takes nothing, or out of a loop. */
  branch(depth: number): void {
    const code = this.#code;
    const choice = code.random.below(5);
    const targets = code.emptyLabels();
    if (choice === 0 && targets.length > 0) {
      this.#get(code.random.pick([Ref.node, Ref.numbers, Ref.any]));
      code.op(0xd5, code.random.pick(targets), 0x1a);
    } else if (choice === 1) this.#nonNullOut(depth);
    else if (choice === 2) this.#trap();
    else this.#castOut(depth);
  }

  /** A loop that br_on_cast or br_on_cast_fail leaves, closed by br_if. */
  #castOut(depth: number): void {
    const code = this.#code;
    const { random } = code;
    const cast = [random.pick([24, 25]), 3, 1, Heap.any];
    code.op(0x02, nullable, Heap.any);
    code.inside(undefined, () => {
      code.loop(depth, () => {
        this.#get(Ref.any);
        code.op(gc, ...cast, random.pick([Heap.i31, Heap.eq, this.#types.node]), 0x1a);
      });
      this.#get(Ref.any);
    });
    code.op(0x0b);
    this.#set(Ref.any);
  }

  #nonNullOut(depth: number): void {
    const code = this.#code;
    const { node } = this.#types;
    code.op(0x02, ref, node);
    code.inside(undefined, () => {
      code.loop(depth, () => {
        this.#get(Ref.node);
        code.op(0xd6, 1);
      });
      code.op(gc, 1, node);
    });
    code.op(0x0b);
    this.#set(Ref.node);
  }

  /** A cast that traps unless it holds. */
  #trap(): void {
    const { node, largeNode } = this.#types;
    const isNull = this.#code.random.chance(90);
    this.#get(Ref.node);
    this.#code.op(gc, isNull ? 23 : 22, isNull ? node : largeNode);
    this.#set(Ref.node);
  }

  /** An i32 that tells of an object. */
  number(depth: number): void {
    const code = this.#code;
    const { random } = code;
    const choice = random.below(6);
    if (choice === 0) {
      this.#get(random.below(Ref.exception));
      code.op(0xd1);
    } else if (choice === 1) {
      this.#get(random.pick([Ref.node, Ref.any]));
      code.op(gc, random.pick([20, 21]), random.pick([Heap.i31, this.#types.largeNode]));
    } else if (choice === 2) {
      this.#get(Ref.node);
      this.#get(Ref.node);
      code.op(0xd3);
    } else this.#read(depth);
  }

  /** A field or an element where there is one, else a plain value. */
  #read(depth: number): void {
    const code = this.#code;
    const { node, numbers, bytes } = this.#types;
    const choice = code.random.below(4);
    const local = [Ref.node, Ref.numbers, Ref.bytes, Ref.nodes][choice] ?? Ref.node;
    this.#get(local);
    code.op(0xd1, 0x04, i32);
    code.value(i32, Math.min(depth - 1, 1));
    code.op(0x05);
    code.inside([], () => {
      this.#get(local);
      if (choice === 0) code.op(gc, 2, node, 0);
      else if (choice === 3) code.op(gc, 15);
      else {
        this.#index(local);
        code.op(gc, choice === 1 ? 11 : 13, choice === 1 ? numbers : bytes);
      }
    });
    code.op(0x0b);
  }
}
