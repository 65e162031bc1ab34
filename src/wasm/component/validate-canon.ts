/** Canonical definitions: whether the core functions and options fit the types. */
import type { Canon, CanonOptions } from './definitions.ts';
import { type CoreFunc, isValueType } from './externs.ts';
import { refuseComponent } from './limits.ts';
import type { Scope } from './scope.ts';
import { sameFunc } from './subtype.ts';
import {
  type FlatType,
  type FuncType,
  flatAsyncParamsMax,
  flatParamsMax,
  flatResultsMax,
  flattenFunction,
  hasPointers,
  type Layouts,
  type ValueType,
} from './types.ts';
import type { TypeBuilder } from './validate-types.ts';

const i32: FlatType = 'i32';
const reallocType: CoreFunc = { params: [i32, i32, i32, i32], results: [i32] };
const callbackType: CoreFunc = { params: [i32, i32, i32], results: [i32] };

/** Built-in functions whose type says all. */
const builtIns: Readonly<Record<string, CoreFunc>> = {
  'resource.new': { params: [i32], results: [i32] },
  'resource.rep': { params: [i32], results: [i32] },
  'resource.drop': { params: [i32], results: [] },
  'task.cancel': { params: [], results: [] },
  'context.get': { params: [], results: [i32] },
  'context.set': { params: [i32], results: [] },
  'subtask.drop': { params: [i32], results: [] },
  'subtask.cancel': { params: [i32], results: [i32] },
  'thread.yield': { params: [], results: [i32] },
  'waitable-set.new': { params: [], results: [i32] },
  'waitable-set.wait': { params: [i32, i32], results: [i32] },
  'waitable-set.poll': { params: [i32, i32], results: [i32] },
  'waitable-set.drop': { params: [i32], results: [] },
  'waitable.join': { params: [i32, i32], results: [] },
  'backpressure.inc': { params: [], results: [] },
  'backpressure.dec': { params: [], results: [] },
  'stream.new': { params: [], results: ['i64'] },
  'future.new': { params: [], results: ['i64'] },
  'stream.read': { params: [i32, i32, i32], results: [i32] },
  'stream.write': { params: [i32, i32, i32], results: [i32] },
  'future.read': { params: [i32, i32], results: [i32] },
  'future.write': { params: [i32, i32], results: [i32] },
  'stream.cancel-read': { params: [i32], results: [i32] },
  'stream.cancel-write': { params: [i32], results: [i32] },
  'future.cancel-read': { params: [i32], results: [i32] },
  'future.cancel-write': { params: [i32], results: [i32] },
  'stream.drop-readable': { params: [i32], results: [] },
  'stream.drop-writable': { params: [i32], results: [] },
  'future.drop-readable': { params: [i32], results: [] },
  'future.drop-writable': { params: [i32], results: [] },
};

interface Needs {
  readonly memory: boolean;
  readonly realloc: boolean;
}

export class CanonCheck {
  readonly #scope: Scope;
  readonly #types: TypeBuilder;
  readonly #layouts: Layouts;
  readonly #offset: number;

  constructor(
    scope: Scope,
    how: {
      readonly types: TypeBuilder;
      readonly layouts: Layouts;
      readonly offset: number;
    },
  ) {
    this.#scope = scope;
    this.#types = how.types;
    this.#layouts = how.layouts;
    this.#offset = how.offset;
  }

  /** Adds what the definition defines to the scope. @throws TerrafirmaError `module-refused` */
  add(canon: Canon): void {
    if (canon.kind === 'lift') {
      this.#scope.push('func', this.#lift(canon));
      return;
    }
    this.#scope.pushCore({ kind: 'func', type: this.#coreTypeOf(canon) });
  }

  #coreTypeOf(canon: Exclude<Canon, { kind: 'lift' }>): CoreFunc {
    if (canon.kind === 'lower') return this.#lower(canon.func, canon.options);
    if (canon.kind === 'task.return') {
      return this.#taskReturn(this.#types.optional(canon.result), canon.options);
    }
    if ('type' in canon) this.#requireTypeOf(canon);
    if ('memory' in canon) this.#scope.get('core memory', canon.memory, this.#offset);
    return builtIns[canon.kind] ?? { params: [], results: [] };
  }

  #requireTypeOf(canon: Extract<Canon, { readonly type: number }>): void {
    if (canon.kind.startsWith('resource.')) {
      const { id } = this.#types.resource(canon.type);
      if (canon.kind !== 'resource.drop' && !this.#scope.local.has(id)) {
        throw this.#refuse(`${canon.kind} is for resources that are defined here`, 'another');
      }
      return;
    }
    const type = this.#scope.get('type', canon.type, this.#offset);
    const [wanted] = canon.kind.split('.');
    if (!isValueType(type) || type.kind !== wanted) {
      throw this.#refuse(`${canon.kind} takes a ${wanted} type`, type.kind);
    }
    if (!('options' in canon) || !('element' in type)) return;
    const element = type.element;
    const isRead = canon.kind.endsWith('.read');
    const realloc = isRead && element !== undefined && hasPointers(element);
    this.#requireOptions(canon.options, { memory: element !== undefined, realloc });
    this.#refuseOptions(canon.options, ['postReturn', 'callback']);
  }

  #lift({ func, options, type: index }: Extract<Canon, { kind: 'lift' }>): FuncType {
    const type = this.#scope.get('type', index, this.#offset);
    if (type.kind !== 'func') throw this.#refuse('a function type is expected', type.kind);
    this.#requireAsync(options, type);
    const isTooMany = this.#flatCount(type.params.map((each) => each.type)) > flatParamsMax;
    const hasPointerParams = type.params.some((param) => hasPointers(param.type));
    const realloc = hasPointerParams || isTooMany;
    const answersPointer = !options.isAsync && this.#needsPointer(type.result, flatResultsMax);
    const memory = realloc || answersPointer || this.#hasPointers(type.result);
    this.#requireOptions(options, { memory, realloc });
    const layouts = this.#layouts;
    const { isAsync } = options;
    const hasCallback = options.callback !== undefined;
    const wanted = flattenFunction(type, { context: 'lift', isAsync, hasCallback, layouts });
    const core = this.#coreFunc(func);
    if (!sameFunc(core, wanted)) {
      throw this.#refuse(`the lifted function is ${describe(wanted)}`, describe(core));
    }
    const { postReturn, callback } = options;
    if (postReturn !== undefined) {
      this.#requireFunc(postReturn, { params: core.results, results: [] }, 'post-return');
    }
    if (callback !== undefined) this.#requireFunc(callback, callbackType, 'callback');
    return type;
  }

  #requireAsync({ isAsync, callback, postReturn }: CanonOptions, type: FuncType): void {
    if (isAsync && !type.isAsync) {
      throw this.#refuse('`async` is for functions whose type is async', 'one that is not');
    }
    if (callback !== undefined && !isAsync) throw this.#refuse('callbacks are async', 'a sync one');
    if (isAsync && postReturn !== undefined) {
      throw this.#refuse('an async function has no post-return', 'one');
    }
  }

  #lower(func: number, options: CanonOptions): CoreFunc {
    const type = this.#scope.get('func', func, this.#offset);
    this.#refuseOptions(options, ['postReturn', 'callback']);
    if (options.isAsync && !type.isAsync) {
      throw this.#refuse('`async` is for functions whose type is async', 'one that is not');
    }
    const { isAsync } = options;
    const paramsMax = isAsync ? flatAsyncParamsMax : flatParamsMax;
    const isTooMany = this.#flatCount(type.params.map((each) => each.type)) > paramsMax;
    const answersPointer = this.#needsPointer(type.result, isAsync ? 0 : flatResultsMax);
    const realloc = this.#hasPointers(type.result);
    const hasPointerParams = type.params.some((param) => hasPointers(param.type));
    const memory = isTooMany || answersPointer || realloc || hasPointerParams;
    this.#requireOptions(options, { memory, realloc });
    return flattenFunction(type, { context: 'lower', isAsync, layouts: this.#layouts });
  }

  #taskReturn(result: ValueType | undefined, options: CanonOptions): CoreFunc {
    this.#refuseOptions(options, ['postReturn', 'callback', 'realloc']);
    if (options.isAsync) throw this.#refuse('task.return is not async', 'one that is');
    const params = result === undefined ? [] : [{ name: 'result', type: result }];
    const isTooMany = this.#needsPointer(result, flatParamsMax);
    const memory = isTooMany || this.#hasPointers(result);
    this.#requireOptions(options, { memory, realloc: false });
    const how = { context: 'lift', isAsync: false, layouts: this.#layouts } as const;
    return { ...flattenFunction({ params, result: undefined }, how), results: [] };
  }

  #requireOptions({ memory, realloc }: CanonOptions, needs: Needs): void {
    if (memory !== undefined) {
      const extern = this.#scope.get('core memory', memory, this.#offset);
      if (extern.kind === 'memory' && extern.limits.is64) {
        throw this.#refuse('data crosses in memories of 32 bits', 'one of 64');
      }
    }
    if (realloc !== undefined) this.#requireFunc(realloc, reallocType, 'realloc');
    if (memory === undefined && realloc !== undefined) {
      throw this.#refuse('realloc comes with a memory', 'none');
    }
    if (needs.memory && memory === undefined) throw this.#refuse('a memory is needed', 'none');
    if (needs.realloc && realloc === undefined) throw this.#refuse('realloc is needed', 'none');
  }

  #refuseOptions(options: CanonOptions, names: readonly (keyof CanonOptions)[]): void {
    const found = names.find((name) => options[name] !== undefined);
    if (found !== undefined) throw this.#refuse('only options that are used may be given', found);
  }

  #requireFunc(index: number, wanted: CoreFunc, what: string): void {
    const received = this.#coreFunc(index);
    if (sameFunc(received, wanted)) return;
    throw this.#refuse(`${what} is ${describe(wanted)}`, describe(received));
  }

  #coreFunc(index: number): CoreFunc {
    const extern = this.#scope.get('core func', index, this.#offset);
    return extern.kind === 'func' ? extern.type : { params: [], results: [] };
  }

  #flatCount(types: readonly ValueType[]): number {
    return types.reduce((sum, type) => sum + this.#layouts.of(type).flatCount, 0);
  }

  #needsPointer(type: ValueType | undefined, flatMax: number): boolean {
    return type !== undefined && this.#layouts.of(type).flatCount > flatMax;
  }

  #hasPointers(type: ValueType | undefined): boolean {
    return type !== undefined && hasPointers(type);
  }

  #refuse(rule: string, received: string): Error {
    return refuseComponent(rule, received, this.#offset);
  }
}

function describe({ params, results }: CoreFunc): string {
  return `(${params.join(' ')}) -> (${results.join(' ')})`;
}
