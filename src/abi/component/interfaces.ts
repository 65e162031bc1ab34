/**
 * All that a component may import, and what an export must be. In order: later ones use earlier.
 */
import { compatibleName } from '../../wasm/component/names.ts';
import type { FuncType, ResourceType, ValueType } from '../../wasm/component/types.ts';
import { cliInterfaces } from './cli.ts';
import { cli03Interfaces } from './cli03.ts';
import { clockInterfaces, randomInterfaces } from './clocks.ts';
import { clock03Interfaces, random03Interfaces } from './clocks03.ts';
import { filesystemInterfaces } from './files/filesystem.ts';
import { filesystem03Interfaces } from './files/filesystem03.ts';
import type { HostFunction, HostInterface } from './functions.ts';
import { httpInterfaces } from './http.ts';
import { http03Interfaces } from './http03.ts';
import { ioInterfaces } from './io.ts';
import { keyValueInterfaces } from './keyvalue.ts';
import { spin3Interfaces } from './keyvalue-spin3.ts';
import { refusedInterfaces } from './refused.ts';
import { refused03Interfaces } from './refused03.ts';
import { settingsInterfaces } from './settings.ts';
import { run } from './wit/cli.ts';
import { run03 } from './wit/cli03.ts';
import { incomingHandler } from './wit/http.ts';
import { handler03 } from './wit/http03.ts';
import { WitReader } from './wit-parser.ts';

export interface KnownFunction {
  readonly type: FuncType;
  /** Undefined: about things that no guest is ever given. */
  readonly function: HostFunction | undefined;
}

export interface KnownInterface {
  readonly name: string;
  readonly types: ReadonlyMap<string, ValueType | ResourceType>;
  readonly functions: ReadonlyMap<string, KnownFunction>;
}

const offered: readonly HostInterface[] = [
  ...ioInterfaces,
  ...clockInterfaces,
  ...randomInterfaces,
  ...cliInterfaces,
  ...filesystemInterfaces,
  ...refusedInterfaces,
  ...httpInterfaces,
  ...keyValueInterfaces,
  ...settingsInterfaces,
  ...clock03Interfaces,
  ...random03Interfaces,
  ...cli03Interfaces,
  ...filesystem03Interfaces,
  ...refused03Interfaces,
  ...http03Interfaces,
  ...spin3Interfaces,
];

/** Exports that make a component one that is served; the first that it has counts. */
const entries = [
  { name: 'wasi:http/handler@0.3.0', text: handler03 },
  { name: 'wasi:http/incoming-handler@0.2.0', text: incomingHandler },
  { name: 'wasi:cli/run@0.3.0', text: run03 },
  { name: 'wasi:cli/run@0.2.0', text: run },
] as const;

/** By what their versions have in common; see `compatibleName`. */
export class Interfaces {
  readonly imports: ReadonlyMap<string, KnownInterface>;
  readonly exports: ReadonlyMap<string, KnownInterface>;

  constructor() {
    const reader = new WitReader();
    const know = ({ name, text, functions }: HostInterface): [string, KnownInterface] => {
      const parsed = reader.read(name, text);
      const known = [...parsed.functions].map(
        ([each, type]) => [each, { type, function: functions[each] }] as const,
      );
      const { types } = parsed;
      return [compatibleName(name), { name, types, functions: new Map(known) }];
    };
    this.imports = new Map(offered.map(know));
    this.exports = new Map(entries.map((entry) => know({ ...entry, functions: {} })));
  }

  findImport(name: string): KnownInterface | undefined {
    return this.imports.get(compatibleName(name));
  }

  findExport(name: string): KnownInterface | undefined {
    return this.exports.get(compatibleName(name));
  }
}
