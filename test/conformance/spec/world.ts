/** Two worlds a script runs in: the modules as they are, and the same modules metered. */
import { inspectModule, type ModuleLimits } from '../../../src/wasm/inspect.ts';
import { meterModule } from '../../../src/wasm/meter.ts';
import { defaultModuleLimits } from '../../../src/wasm/shape.ts';
import { ReferenceHost } from '../../wasm/support/reference-host.ts';

export interface World {
  readonly name: string;
  instantiate(bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports): Running;
}

/** An instance in a world. */
export interface Running {
  readonly exports: WebAssembly.Exports;
  call(name: string, args: readonly unknown[]): unknown;
  /** Brings the instance back to its first state; false where it cannot be. */
  restore(): boolean;
}

/** The suite tests limits of its own, far above ours. */
export const suiteLimits: ModuleLimits = {
  ...defaultModuleLimits,
  memoryPagesMax: 65_536,
  memoriesMax: 1_000,
  tableEntriesMax: 10_000_000,
};

export const originalWorld: World = {
  name: 'original',
  instantiate(bytes, imports) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    return {
      exports,
      call: (name, args) => callExport(exports, name, args),
      restore: () => false,
    };
  },
};

function callExport(exports: WebAssembly.Exports, name: string, args: readonly unknown[]): unknown {
  const value = exports[name];
  if (typeof value === 'function') return value(...args);
  throw new ReferenceError(`no function export ${name}`);
}

/** The metered world, with or without cards. */
export function meteredWorld(cards: boolean): World {
  return {
    name: cards ? 'metered with cards' : 'metered',
    instantiate(bytes, imports) {
      const shape = inspectModule(bytes, suiteLimits);
      const { memoryPagesMax, tableEntriesMax } = suiteLimits;
      const metered = meterModule(bytes, shape, { cards, memoryPagesMax, tableEntriesMax });
      const host = new ReferenceHost(metered, {
        imports,
        quantum: 10_000,
        heapBytesMax: 2 ** 31 - 1,
      });
      host.capture();
      host.begin();
      host.start();
      const isAlone = shape.imports.every((each) => each.kind === 'func' || each.kind === 'tag');
      return {
        exports: host.instance.exports,
        call: (name, args) => {
          host.begin();
          return host.call(name, ...args);
        },
        restore: () => {
          if (metered.restorable !== true || !isAlone || host.isSpoiled) return false;
          host.restore();
          host.begin();
          host.start();
          return true;
        },
      };
    },
  };
}
