/** What `terrafirma inspect` found, as text and as plain data for JSON. */
import type { Digest } from '../../threads/messages.ts';
import type { EngineFacts } from '../../threads/program.ts';
import type { FuncType, ModuleShape } from '../../wasm/shape.ts';

const pageKib = 64;

export interface ReportedExtern {
  readonly module?: string;
  readonly name: string;
  readonly kind: string;
  /** `(i32, i32) -> (i32)`; functions alone. */
  readonly type?: string;
}

/** Printed as it is with `--json`; what is not known is left out there. */
export interface ModuleReport {
  readonly file: string;
  readonly bytes: number;
  readonly digest: Digest;
  readonly abi: string | undefined;
  readonly entry: string | undefined;
  /** The export that is called once, before any request. */
  readonly initialise: string | undefined;
  /** Whether a Go program's start is done once; undefined for all that have none such. */
  readonly startsOnce: boolean | undefined;
  readonly imports: readonly ReportedExtern[] | undefined;
  readonly exports: readonly ReportedExtern[] | undefined;
  readonly memories: readonly ReportedSize[] | undefined;
  readonly tables: readonly ReportedSize[] | undefined;
  readonly functions: number | undefined;
  readonly features: readonly string[] | undefined;
  /** Where it is a component. */
  readonly component: ReportedComponent | undefined;
  /** Of a module that is accepted. */
  readonly restore: ReportedRestore | undefined;
  readonly verdict: { readonly isServed: boolean; readonly reason: string | undefined };
}

export interface ReportedComponent {
  /** Names of interfaces. */
  readonly imports: readonly string[];
  /** Functions, as `interface#function`. */
  readonly exports: readonly string[];
  readonly coreModules: number;
  /** What made it, as it says itself. */
  readonly producers: readonly string[];
}

/** Whether one instance serves many requests, put back to its first state between them. */
export interface ReportedRestore {
  readonly isRestored: boolean;
  /** Why every request needs a new instance instead. */
  readonly reason: string | undefined;
}

/** Pages of 64 KiB for memories, entries for tables. */
export interface ReportedSize {
  readonly min: number;
  readonly max: number | undefined;
  readonly isImported: boolean;
}

/** The part of a report that the shape tells; nothing when there is none. */
export function reportShape(shape: ModuleShape | undefined): ShapeReport {
  if (shape === undefined) return { ...nothingKnown };
  return {
    imports: shape.imports.map(({ module, name, kind, type }) => ({
      module,
      name,
      kind,
      ...typeOf(type),
    })),
    exports: shape.exports.map(({ name, kind, type }) => ({ name, kind, ...typeOf(type) })),
    memories: shape.memories.map(({ pagesMin, pagesMax, isImported }) => ({
      min: pagesMin,
      max: pagesMax,
      isImported,
    })),
    tables: shape.tables.map(({ entriesMin, entriesMax, isImported }) => ({
      min: entriesMin,
      max: entriesMax,
      isImported,
    })),
    functions: shape.functionTypes.length - shape.importedFunctionCount,
    features: [...shape.features].sort(),
  };
}

/** What the rewriting of an accepted module found out about its state. */
export function reportRestore(cores: readonly EngineFacts[]): ReportedRestore {
  for (const { metered } of cores) {
    if (metered.restorable === true) continue;
    return { isRestored: false, reason: metered.restorable.reason };
  }
  return { isRestored: true, reason: undefined };
}

type ShapeReport = Pick<
  ModuleReport,
  'imports' | 'exports' | 'memories' | 'tables' | 'functions' | 'features'
>;

const nothingKnown: ShapeReport = {
  imports: undefined,
  exports: undefined,
  memories: undefined,
  tables: undefined,
  functions: undefined,
  features: undefined,
};

function typeOf(type: FuncType | undefined): { readonly type?: string } {
  if (type === undefined) return {};
  return { type: `(${type.params.join(', ')}) -> (${type.results.join(', ')})` };
}

export function describeModule(report: ModuleReport): string {
  const { verdict } = report;
  return `${[
    `${report.file}`,
    `  size      ${report.bytes} bytes, SHA-256 ${report.digest}`,
    `  ABI       ${report.abi ?? 'none that is served'}`,
    ...(report.entry === undefined ? [] : [`  entry     ${report.entry}`]),
    ...describeInitialiser(report.initialise),
    ...describeStart(report.startsOnce),
    ...describeComponent(report.component),
    ...describeShape(report),
    ...describeRestore(report.restore),
    verdict.isServed
      ? '  verdict   it would be served'
      : `  verdict   it would not be served. ${verdict.reason ?? ''}`,
  ].join('\n')}\n`;
}

function describeShape(report: ModuleReport): readonly string[] {
  if (report.imports === undefined || report.exports === undefined) return [];
  const features = report.features ?? [];
  return [
    `  functions ${report.functions ?? 0}`,
    ...(report.memories ?? []).map((memory) => `  memory    ${describeMemory(memory)}`),
    ...(report.tables ?? []).map((table) => `  table     ${describeTable(table)}`),
    `  features  ${features.length === 0 ? 'none beyond the first version' : features.join(', ')}`,
    ...listExterns('imports', report.imports),
    ...listExterns('exports', report.exports),
  ];
}

function describeComponent(component: ReportedComponent | undefined): readonly string[] {
  if (component === undefined) return [];
  const { imports, exports, coreModules, producers } = component;
  return [
    `  component ${coreModules} core modules`,
    ...(producers.length === 0 ? [] : [`  made by   ${producers.map(show).join(', ')}`]),
    ...listNames('imports', imports),
    ...listNames('exports', exports),
  ];
}

function listNames(title: string, names: readonly string[]): readonly string[] {
  return listExterns(
    title,
    names.map((name) => ({ name, kind: '' })),
  );
}

function describeRestore(restore: ReportedRestore | undefined): readonly string[] {
  if (restore === undefined) return [];
  return restore.isRestored
    ? ['  state     one instance serves many requests, put back after each']
    : [`  state     every request needs a new instance: ${restore.reason ?? ''}`];
}

function describeInitialiser(name: string | undefined): readonly string[] {
  if (name === undefined) return [];
  return [
    `  first     ${name} is called once; every request begins with what it leaves, ` +
      'random numbers too',
  ];
}

function describeStart(startsOnce: boolean | undefined): readonly string[] {
  if (startsOnce === undefined) return [];
  return startsOnce
    ? ['  start     is done once; every request goes on behind it, with random numbers of its own']
    : ['  start     is done in every request: what it leaves is not the same for all'];
}

function describeMemory(memory: ReportedSize): string {
  const most = memory.max === undefined ? 'no maximum' : `at most ${memory.max * pageKib} KiB`;
  const imported = memory.isImported ? ', imported' : '';
  return `${memory.min * pageKib} KiB, ${most}${imported}`;
}

function describeTable(table: ReportedSize): string {
  const most = table.max === undefined ? 'no maximum' : `at most ${table.max}`;
  return `${table.min} entries, ${most}${table.isImported ? ', imported' : ''}`;
}

/** More than a person reads; JSON has them all. */
const listedMax = 200;

function listExterns(title: string, externs: readonly ReportedExtern[]): readonly string[] {
  const rest = externs.length - listedMax;
  return [
    `  ${title}   ${externs.length}`,
    ...externs.slice(0, listedMax).map((extern) => {
      const name = [extern.module, extern.name].filter((part) => part !== undefined).map(show);
      return `    ${[extern.kind, name.join('.'), extern.type ?? ''].join(' ').trim()}`;
    }),
    ...(rest > 0 ? [`    … and ${rest} more: see --json`] : []),
  ];
}

/** Names are a stranger's: they must not command the terminal. */
function show(name: string): string {
  return /^[\w$.:/@#()[\] +-]+$/.test(name)
    ? name
    : JSON.stringify(name).replace(/[^\x20-\x7e]/g, '?');
}
