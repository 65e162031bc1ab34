/**
 * What all instances of one program on a thread share, so that ten thousand guests have it once:
 * what its cores import, and the objects that they are linked by, which grow as they are filled.
 */
import type { ImportName } from '../abi/hostcall.ts';

export type CoreImport = Required<ImportName>;

export interface CoreImports {
  readonly wanted: readonly CoreImport[];
  /** Module → name → value, empty at first. */
  readonly values: WebAssembly.Imports;
}

export class ProgramShared {
  /** By module, for each core that is of it; programs have a form with cards and one without. */
  readonly #known = new Map<WebAssembly.Module, CoreImports[]>();

  /** Has one core linked: nothing that `link` puts into the values is there afterwards. */
  lend<T>(module: WebAssembly.Module, core: number, link: (imports: CoreImports) => T): T {
    const imports = this.#of(module, core);
    try {
      return link(imports);
    } finally {
      // What is left would be another guest's.
      for (const names of Object.values(imports.values)) {
        for (const name of Object.keys(names)) Reflect.set(names, name, undefined);
      }
    }
  }

  #of(module: WebAssembly.Module, core: number): CoreImports {
    const known = this.#known.get(module) ?? [];
    this.#known.set(module, known);
    known[core] ??= {
      wanted: WebAssembly.Module.imports(module).map((each) => ({
        ...{ module: each.module, name: each.name, core },
      })),
      values: Object.create(null),
    };
    return known[core];
  }
}
