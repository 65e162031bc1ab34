/**
 * Exceptions at random. A module has either the legacy instructions or those with exnref. Clauses
 * lead to any label in scope that takes nothing, loops and blocks around loops included: so a
 * handler may go round, leave several loops, or stand inside one.
 */

import { i32, i64 } from './operations.ts';
import type { Scope } from './scope.ts';
import { Heap, Ref, type TypeIndices } from './types.ts';

export interface ExceptionPlan {
  readonly hasNewExceptions: boolean;
  readonly types: TypeIndices;
  /** Number of the first reference local. */
  readonly firstReference: number;
}

const Clause = { catch: 0, catchRef: 1, catchAll: 2, catchAllRef: 3 } as const;

export class ExceptionGenerator {
  readonly #code: Scope;
  readonly #plan: ExceptionPlan;

  constructor(code: Scope, plan: ExceptionPlan) {
    this.#code = code;
    this.#plan = plan;
  }

  statement(depth: number): void {
    if (this.#plan.hasNewExceptions) this.#tryTable(depth);
    else this.#legacyTry(depth);
  }

  /** Throws; what follows is dead. */
  raise(): void {
    const code = this.#code;
    const exception = this.#plan.firstReference + Ref.exception;
    const choice = code.random.below(this.#plan.hasNewExceptions ? 4 : 3);
    if (choice === 3) {
      // Kept from a clause; a null reference traps in the original too.
      code.op(0x20, exception, 0xd1, 0x04, 0x40, 0x08, 0, 0x0b, 0x20, exception, 0x0a);
    } else if (choice === 2) {
      code.pushAll([i32, i64]);
      code.op(0x08, 1);
    } else code.op(0x08, 0);
  }

  /** Throws where a condition holds, so that what is tried often throws by itself. */
  #mayRaise(): void {
    const { random } = this.#code;
    if (!random.chance(70)) return;
    this.#code.value(i32, 1);
    this.#code.op(0x04, 0x40);
    this.#code.inside([], () => this.raise());
    this.#code.op(0x0b);
  }

  #legacyTry(depth: number): void {
    const code = this.#code;
    const { random } = code;
    code.op(0x06, 0x40);
    code.inside([], () => {
      code.statements(depth - 1);
      this.#mayRaise();
    });
    const choice = random.below(5);
    if (choice === 0) {
      // Hands on to a label's handlers, as if thrown there.
      code.op(0x18, random.below(code.labels.length));
      return;
    }
    if (choice === 1) code.op(0x07, 0);
    else if (choice === 2) code.op(0x07, 1, 0x1a, 0x1a);
    else code.op(0x19);
    code.inside([], () => {
      code.statements(depth - 1);
      if (random.chance(15)) code.op(0x09, 0);
    });
    code.op(0x0b);
  }

  /** With a block around it where the clause brings something. */
  #tryTable(depth: number): void {
    const code = this.#code;
    const { random } = code;
    const choice = random.below(6);
    // A function with results has no empty label at its outermost.
    if (choice < 3 && code.emptyLabels().length > 0) this.#bareClauses(depth);
    else if (choice === 3) this.#withPayload(depth);
    else this.#withException(depth, choice === 5);
  }

  /** Clauses that lead to labels of the function itself. */
  #bareClauses(depth: number): void {
    const code = this.#code;
    const { random } = code;
    const targets = code.emptyLabels();
    const count = 1 + random.below(3);
    const clauses: number[] = [];
    for (let i = 0; i < count; i++) {
      const target = random.pick(targets);
      if (random.chance(50)) clauses.push(Clause.catchAll, target);
      else clauses.push(Clause.catch, 0, target);
    }
    this.#try([count, ...clauses], depth);
  }

  #withPayload(depth: number): void {
    const code = this.#code;
    code.op(0x02, this.#plan.types.payloadResult);
    code.inside([i32, i64], () => {
      this.#try([1, Clause.catch, 1, 0], depth);
      code.pushAll([i32, i64]);
    });
    code.op(0x0b, 0x1a, 0x21, code.anyLocal(i32));
  }

  #withException(depth: number, hasPayload: boolean): void {
    const code = this.#code;
    const { types, firstReference } = this.#plan;
    code.op(0x02, hasPayload ? types.payloadAndException : Heap.exn);
    code.inside(undefined, () => {
      const clause = hasPayload ? [1, Clause.catchRef, 1, 0] : [1, Clause.catchAllRef, 0];
      this.#try(clause, depth);
      if (hasPayload) code.pushAll([i32, i64]);
      code.op(0xd0, Heap.exn);
    });
    code.op(0x0b, 0x21, firstReference + Ref.exception);
    if (hasPayload) code.op(0x1a, 0x1a);
  }

  #try(clauses: readonly number[], depth: number): void {
    const code = this.#code;
    code.op(0x1f, 0x40, ...clauses);
    code.inside([], () => {
      code.statements(depth - 1);
      this.#mayRaise();
    });
    code.op(0x0b);
  }
}
