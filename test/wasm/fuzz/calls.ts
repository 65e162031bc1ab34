/** Calls and tail calls at random: by index, through the table, and through a reference. */
import type { Scope } from './scope.ts';

export class CallGenerator {
  readonly #code: Scope;

  constructor(code: Scope) {
    this.#code = code;
  }

  call(): void {
    const code = this.#code;
    const target = code.random.below(code.signatures.length);
    const { params = [], results = [] } = code.signatures[target] ?? {};
    code.pushAll(params);
    this.#callee(target, [0x10, 0x11, 0x14]);
    code.dropAll(results);
  }

  /** A call that ends the function: its results must be ours. */
  tailCall(): void {
    const code = this.#code;
    const same = code.signatures
      .map((signature, index) => ({ signature, index }))
      .filter(({ signature }) => signature.results.join() === code.results.join());
    const { signature, index } = code.random.pick(same);
    code.pushAll(signature.params);
    this.#callee(index, [0x12, 0x13, 0x15]);
  }

  /** Instructions: direct, indirect, by reference. */
  #callee(target: number, ops: readonly [number, number, number]): void {
    const code = this.#code;
    const [direct, indirect, byReference] = ops;
    const choice = code.random.below(10);
    if (choice < 6) code.op(direct, target);
    else if (choice < 8) code.op(0xd2, target, byReference, target);
    else {
      code.i32(code.random.chance(85) ? target : code.random.below(12));
      code.op(indirect, target, 0);
    }
  }
}
