/**
 * Calls that leave a trace: whoever runs the module can see afterwards whether one has happened. By
 * way of a function that notes it and calls on, with the same arguments.
 */
import type { InstructionCursor } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import type { FuncType, ModuleShape } from '../shape.ts';
import { type Additions, Value } from './additions.ts';
import type { WatchedCalls } from './contract.ts';
import type { Emitter } from './emitter.ts';

/** Whoever has other types is not watched, and must not be named. */
const valueBytes: Readonly<Record<string, number>> = Value;

export class CallWatch {
  /** The i32 global that is not 0 once such a call has happened. */
  readonly flag: number;
  readonly #shape: ModuleShape;
  readonly #additions: Additions;
  readonly #calls: WatchedCalls;

  constructor(shape: ModuleShape, additions: Additions, calls: WatchedCalls) {
    this.#shape = shape;
    this.#additions = additions;
    this.#calls = calls;
    this.flag = additions.addGlobal(Value.i32, 0);
  }

  /** The instruction under the cursor, in function number `caller`, where it is watched. */
  rewrite(cursor: InstructionCursor, emitter: Emitter, caller: number): void {
    const { callees, exempt } = this.#calls;
    const { op, a: callee, at, pos } = cursor;
    if (op !== Op.call && op !== Op.returnCall) return;
    if (!callees.has(callee) || exempt.has(caller)) return;
    const type = this.#shape.types[this.#shape.functionTypes[callee] ?? -1];
    if (type?.kind !== 'func') return;
    emitter.copyTo(at);
    emitter.indexed(op, this.#open(callee, type));
    emitter.skipTo(pos);
  }

  #open(callee: number, { params, results }: FuncType): number {
    const bytesOf = (type: string): number => valueBytes[type] ?? Value.i32;
    const signature = [params.map(bytesOf), results.map(bytesOf)] as const;
    return this.#additions.functionIndex(`watched:${callee}`, signature, (code) => {
      code.i32(1);
      code.globalSet(this.flag);
      for (const param of params.keys()) code.get(param);
      code.call(callee);
    });
  }
}
