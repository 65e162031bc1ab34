/**
 * Functions that may not be entered in a start that is done before any request: there the start
 * ends, by a trap, and whoever runs the module can see where. Of functions whose first parameter is
 * an i32 that is 0 where they are entered, and something else where they are taken up again.
 */
import type { ModuleShape } from '../shape.ts';
import { type Additions, Value } from './additions.ts';
import { Asm } from './code.ts';
import type { Emitter } from './emitter.ts';

export class EntryStops {
  /** The i32 global that is 1 while such a start is done. */
  readonly isStarting: number;
  /** The i32 global that says which function it was, by its index; 0: none. */
  readonly stoppedAt: number;
  readonly #shape: ModuleShape;
  readonly #functions: ReadonlySet<number>;

  constructor(shape: ModuleShape, additions: Additions, functions: ReadonlySet<number>) {
    this.#shape = shape;
    this.#functions = functions;
    this.isStarting = additions.addGlobal(Value.i32, 0);
    this.stoppedAt = additions.addGlobal(Value.i32, 0);
  }

  /** Before the first instruction of function number `index`. */
  enter(index: number, emitter: Emitter): void {
    if (!this.#functions.has(index) || !this.#takesEntry(index)) return;
    emitter.indexed(0x23, this.isStarting);
    emitter.indexed(0x20, 0);
    emitter.byte(Asm.i32Eqz);
    emitter.byte(Asm.i32And);
    emitter.beginUnlikely();
    emitter.i32(index);
    emitter.indexed(0x24, this.stoppedAt);
    emitter.byte(Asm.unreachable);
    emitter.end();
  }

  #takesEntry(index: number): boolean {
    const type = this.#shape.types[this.#shape.functionTypes[index] ?? -1];
    return type?.kind === 'func' && type.params[0] === 'i32';
  }
}
