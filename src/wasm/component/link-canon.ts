/** Canonical definitions, linked: where values cross, and in which way. */
import type { Canon, CanonOptions } from './definitions.ts';
import type { TypeItem } from './externs.ts';
import { type ComponentLimits, refuseComponent } from './limits.ts';
import type { CoreItem, HostFunc, Lifted, LinkScope, PlannedCore } from './link-scope.ts';
import type { CoreExport, CrossingOptions, EndTrampoline, Trampoline } from './plan.ts';
import {
  type CoreSignature,
  type FuncType,
  flattenFunction,
  Layouts,
  type ResourceType,
  type ValueType,
} from './types.ts';
import { TypeBuilder } from './validate-types.ts';

type EndCanon = Extract<Canon, { readonly kind: `${'stream' | 'future'}.${string}` }>;
type EndType = Extract<ValueType, { readonly kind: 'stream' | 'future' }>;

/** Of what crosses in no other way than as numbers. */
const plainOptions = {
  encoding: 'utf8',
  realloc: undefined,
  postReturn: undefined,
  isAsync: false,
  callback: undefined,
} as const;

export class CanonLinker {
  readonly #limits: ComponentLimits;
  readonly #cores: readonly PlannedCore[];
  readonly #layouts = new Layouts();

  /** @param cores Those that are instantiated so far; more may come. */
  constructor(limits: ComponentLimits, cores: readonly PlannedCore[]) {
    this.#limits = limits;
    this.#cores = cores;
  }

  /** @param exportOf A function of a core module for one that may be the host's. */
  lift(
    scope: LinkScope,
    { func, options: given, type: index }: Extract<Canon, { kind: 'lift' }>,
    how: {
      readonly offset: number;
      readonly exportOf: (item: CoreItem, signature: CoreSignature) => CoreExport;
    },
  ): Lifted {
    const { exportOf, offset } = how;
    const type = scope.get<FuncType>('type', index);
    this.#requireSmall(type, offset);
    const options = this.#options(scope, given, offset);
    const { isAsync, callback } = options;
    const hasCallback = callback !== undefined;
    const layouts = this.#layouts;
    const signature = flattenFunction(type, { context: 'lift', isAsync, hasCallback, layouts });
    const item = scope.get<CoreItem>('core func', func);
    return { kind: 'lifted', type, func: exportOf(item, signature), options };
  }

  trampoline(
    scope: LinkScope,
    canon: Exclude<Canon, { kind: 'lift' }>,
    offset: number,
  ): Trampoline {
    switch (canon.kind) {
      case 'lower':
        return this.#lower(scope, canon, offset);
      case 'resource.new':
      case 'resource.drop':
      case 'resource.rep': {
        const resource = scope.get<ResourceType>('type', canon.type);
        return { kind: canon.kind, resource, instance: scope.instance };
      }
      case 'context.get':
      case 'context.set':
        return { kind: canon.kind, slot: canon.slot };
      case 'task.return': {
        const builder = new TypeBuilder((index) => scope.get<TypeItem>('type', index), offset);
        const type = builder.optional(canon.result);
        const options = this.#options(scope, canon.options, offset);
        return { kind: canon.kind, result: type, options };
      }
      case 'waitable-set.wait':
      case 'waitable-set.poll': {
        const memory = this.#memory(scope, canon.memory, offset);
        return { kind: canon.kind, options: { ...plainOptions, memory, instance: scope.instance } };
      }
      case 'subtask.cancel':
        return { kind: canon.kind, isAsync: canon.isAsync, instance: scope.instance };
      case 'task.cancel':
      case 'backpressure.inc':
      case 'backpressure.dec':
      case 'thread.yield':
      case 'waitable-set.new':
      case 'waitable-set.drop':
      case 'waitable.join':
      case 'subtask.drop':
        return { kind: canon.kind, instance: scope.instance };
      default:
        return this.#end(scope, canon, offset);
    }
  }

  #end(scope: LinkScope, canon: EndCanon, offset: number): EndTrampoline {
    const { kind, element } = scope.get<EndType>('type', canon.type);
    const options = 'options' in canon ? this.#options(scope, canon.options, offset) : undefined;
    const isAsync = 'isAsync' in canon ? canon.isAsync : (options?.isAsync ?? false);
    if (element !== undefined) this.#requireSmallType(element, offset);
    const [, operation] = canon.kind.split('.') as ['stream', EndTrampoline['operation']];
    return { kind, operation, element, instance: scope.instance, isAsync, options };
  }

  #lower(scope: LinkScope, canon: Extract<Canon, { kind: 'lower' }>, offset: number): Trampoline {
    const func = scope.get<Lifted | HostFunc>('func', canon.func);
    this.#requireSmall(func.type, offset);
    const options = this.#options(scope, canon.options, offset);
    if (func.kind === 'host') return { ...func, options };
    const callee = { func: func.func, options: func.options };
    return { kind: 'guest', type: func.type, options, callee };
  }

  /** Values that are built up on the stack, or in one piece, stay small. */
  #requireSmall({ params, result }: FuncType, offset: number): void {
    for (const { type } of params) this.#requireSmallType(type, offset);
    if (result !== undefined) this.#requireSmallType(result, offset);
  }

  #requireSmallType(type: ValueType, offset: number): void {
    const { valueBytesMax, valueFlatMax } = this.#limits;
    const { size, flatCount } = this.#layouts.of(type);
    if (size <= valueBytesMax && flatCount <= valueFlatMax) return;
    const rule = `a value that crosses has at most ${valueBytesMax} bytes of its own`;
    throw refuseComponent(rule, `${size} bytes in ${flatCount} parts`, offset);
  }

  #options(scope: LinkScope, options: CanonOptions, offset: number): CrossingOptions {
    const { encoding, realloc, postReturn, isAsync, callback } = options;
    const exportOf = (index: number | undefined, what: string): CoreExport | undefined =>
      index === undefined ? undefined : this.exportOf(scope, index, what, offset);
    return {
      encoding,
      memory:
        options.memory === undefined ? undefined : this.#memory(scope, options.memory, offset),
      realloc: exportOf(realloc, 'realloc'),
      postReturn: exportOf(postReturn, 'post-return'),
      instance: scope.instance,
      isAsync,
      callback: exportOf(callback, 'a callback'),
    };
  }

  /** Which core module has it as its memory 0. */
  #memory(scope: LinkScope, index: number, offset: number): number {
    const item = scope.get<CoreItem>('core memory', index);
    if (item.kind === 'export') {
      const { exports } = this.#cores[item.core]?.shape ?? { exports: [] };
      const found = exports.find((each) => each.kind === 'memory' && each.name === item.export);
      if (found?.index === 0) return item.core;
    }
    throw refuseComponent('data crosses in the first memory of a core module', 'another', offset);
  }

  exportOf(scope: LinkScope, index: number, what: string, offset: number): CoreExport {
    const item = scope.get<CoreItem>('core func', index);
    if (item.kind === 'export') return { core: item.core, export: item.export };
    throw refuseComponent(`${what} is a function of a core module`, 'one of the host', offset);
  }
}
