/** Canonical definitions, linked: where values cross, and in which way. */
import type { Canon, CanonOptions } from './definitions.ts';
import { type ComponentLimits, refuseComponent } from './limits.ts';
import type { CoreItem, HostFunc, Lifted, LinkScope, PlannedCore } from './link-scope.ts';
import type { CoreExport, CrossingOptions, Trampoline } from './plan.ts';
import { type FuncType, Layouts, type ResourceType } from './types.ts';

export class CanonLinker {
  readonly #limits: ComponentLimits;
  readonly #cores: readonly PlannedCore[];
  readonly #layouts = new Layouts();

  /** @param cores Those that are instantiated so far; more may come. */
  constructor(limits: ComponentLimits, cores: readonly PlannedCore[]) {
    this.#limits = limits;
    this.#cores = cores;
  }

  lift(scope: LinkScope, canon: Extract<Canon, { kind: 'lift' }>, offset: number): Lifted {
    const type = scope.get<FuncType>('type', canon.type);
    this.#requireSync(canon.options.isAsync, 'an async function', offset);
    this.#requireSmall(type, offset);
    const func = scope.get<CoreItem>('core func', canon.func);
    return { kind: 'lifted', type, func, options: this.#options(scope, canon.options, offset) };
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
      default:
        this.#requireSync(true, canon.kind, offset);
        throw new TypeError(`Cannot link: ${canon.kind}`);
    }
  }

  #lower(scope: LinkScope, canon: Extract<Canon, { kind: 'lower' }>, offset: number): Trampoline {
    const func = scope.get<Lifted | HostFunc>('func', canon.func);
    this.#requireSync(canon.options.isAsync, 'an async call', offset);
    this.#requireSmall(func.type, offset);
    const options = this.#options(scope, canon.options, offset);
    if (func.kind === 'host') return { ...func, options };
    const { type } = func;
    if (func.func.kind === 'export') {
      const { core, export: exported } = func.func;
      const callee = { func: { core, export: exported }, options: func.options };
      return { kind: 'guest', type, options, callee };
    }
    const rule = 'what components call of each other are functions of core modules';
    throw refuseComponent(rule, 'one of the host', offset);
  }

  #requireSync(isAsync: boolean, what: string, offset: number): void {
    if (!isAsync) return;
    const rule =
      'its functions are called one after another: build it for WASI 0.2 in place of 0.3';
    throw refuseComponent(rule, what, offset);
  }

  /** Values that are built up on the stack, or in one piece, stay small. */
  #requireSmall({ params, result }: FuncType, offset: number): void {
    const { valueBytesMax, valueFlatMax } = this.#limits;
    const types = [...params.map(({ type }) => type), ...(result === undefined ? [] : [result])];
    for (const type of types) {
      const { size, flatCount } = this.#layouts.of(type);
      if (size <= valueBytesMax && flatCount <= valueFlatMax) continue;
      const rule = `a value that crosses has at most ${valueBytesMax} bytes of its own`;
      throw refuseComponent(rule, `${size} bytes in ${flatCount} parts`, offset);
    }
  }

  #options(scope: LinkScope, options: CanonOptions, offset: number): CrossingOptions {
    const { encoding, realloc, postReturn } = options;
    const exportOf = (index: number | undefined, what: string): CoreExport | undefined =>
      index === undefined ? undefined : this.exportOf(scope, index, what, offset);
    return {
      encoding,
      memory:
        options.memory === undefined ? undefined : this.#memory(scope, options.memory, offset),
      realloc: exportOf(realloc, 'realloc'),
      postReturn: exportOf(postReturn, 'post-return'),
      instance: scope.instance,
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
