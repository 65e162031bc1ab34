/**
 * What runs: one core module, or several that link to each other. Cores stand in the order of
 * their instantiation; each may import what cores before it export, and all else is the host's.
 *
 * State is put back by its owner: the core that defines a table, global or memory. So whoever
 * imports one leaves it alone, and a table that an importer changes is always put back, because
 * the flag that says "changed" is each core's own.
 */
import { TerrafirmaError } from '../errors.ts';
import {
  countCardPages,
  type Link,
  type MemoryPlan,
  type MeteredModule,
  type MeterOptions,
  meterModule,
} from './meter.ts';
import type { ExternKind, ModuleShape } from './shape.ts';

/** A core as it comes. Its bytes are valid: V8 has seen them. */
export interface CoreSource {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly shape: ModuleShape;
  readonly links: readonly Link[];
}

export interface MeteredCore {
  readonly plain: MeteredModule;
  /** The form that marks what it writes: all cores have it, or none. */
  readonly cards: MeteredModule | undefined;
  readonly links: readonly Link[];
  /** For each of the core's memories its number among those of the program. */
  readonly memories: readonly number[];
}

export interface MeteredProgram {
  readonly cores: readonly MeteredCore[];
  /** Each memory once, as the core that makes it wants it. */
  readonly memories: readonly MemoryPlan[];
  /** The form that marks was left out, though there could be one. */
  readonly lacksCards: boolean;
}

export interface ProgramOptions
  extends Pick<MeterOptions, 'memoryPagesMax' | 'tableEntriesMax' | 'exportsState' | 'early'> {
  /** Leaves out the form that marks, which takes as long again as the other. */
  readonly plainOnly?: boolean;
}

/**
 * Meters all cores of a program.
 *
 * @throws TerrafirmaError `module-refused` for a link that leads nowhere, and what `meterModule`
 *   throws.
 */
export function meterProgram(
  sources: readonly CoreSource[],
  { plainOnly = false, ...options }: ProgramOptions,
): MeteredProgram {
  const linked = sources.map((source, core) => resolveLinks(sources, source, core));
  const plain = meterCores(sources, linked, { ...options, cards: false, cardPages: 1 });
  const { memories, numbers } = numberMemories(linked, plain);
  const couldMark = plain.every(({ restorable }) => restorable === true) && canMark(numbers);
  const marks = couldMark && !plainOnly;
  const cardPages = Math.max(1, ...plain.flatMap((form) => form.memories.map(countCardPages)));
  const cards = marks ? meterCores(sources, linked, { ...options, cards: true, cardPages }) : [];
  return {
    memories,
    lacksCards: couldMark && !marks,
    cores: plain.map((form, core) => ({
      plain: form,
      cards: cards[core],
      links: sources[core]?.links ?? [],
      memories: numbers[core] ?? [],
    })),
  };
}

/** Where an import of a core lies in the core that exports it. */
interface Source {
  readonly kind: ExternKind;
  readonly index: number;
  readonly core: number;
  readonly sourceIndex: number;
}

function resolveLinks(
  sources: readonly CoreSource[],
  { shape, links }: CoreSource,
  core: number,
): readonly Source[] {
  const found: Source[] = [];
  for (const { module, name, kind, index } of shape.imports) {
    const link = links.find((each) => each.module === module && each.name === name);
    if (link === undefined) {
      const isHosts = kind === 'func' || kind === 'memory';
      if (!isHosts && sources.length > 1) throw unlinked(`a ${kind} ${module}.${name}`);
      continue;
    }
    const exported = sources[link.core]?.shape.exports.find((each) => each.name === link.export);
    if (link.core >= core || exported?.kind !== kind) {
      throw unlinked(`${module}.${name} as ${link.export} of core ${link.core}`);
    }
    found.push({ kind, index, core: link.core, sourceIndex: exported.index });
  }
  return found;
}

function unlinked(what: string): TerrafirmaError {
  const rule =
    'an import of a core is a hostcall or an export of the same kind of a core before it';
  return new TerrafirmaError(
    'module-refused',
    `Cannot link the program: ${rule}: received ${what}`,
  );
}

/** The last core first: what it changes is known before the owner of that is metered. */
function meterCores(
  sources: readonly CoreSource[],
  linked: readonly (readonly Source[])[],
  {
    cardPages,
    ...options
  }: Omit<ProgramOptions, 'plainOnly'> & {
    readonly cards: boolean;
    readonly cardPages: number;
  },
): readonly MeteredModule[] {
  const changed = sources.map(() => new Set<number>());
  const forms: MeteredModule[] = [];
  for (let core = sources.length - 1; core >= 0; core -= 1) {
    const source = sources[core];
    const tablesChangedByOthers = changed[core];
    if (source === undefined || tablesChangedByOthers === undefined) continue;
    const form = meterModule(source.bytes, source.shape, {
      ...options,
      isValidated: true,
      ...(sources.length > 1 ? { links: { tablesChangedByOthers, cardPages } } : {}),
    });
    for (const each of linked[core] ?? []) {
      if (each.kind !== 'table' || !form.changedTables.includes(each.index)) continue;
      changed[each.core]?.add(each.sourceIndex);
    }
    forms.unshift(form);
  }
  return forms;
}

/** Each memory gets a number where it is made; whoever imports it has the same. */
function numberMemories(
  linked: readonly (readonly Source[])[],
  forms: readonly MeteredModule[],
): { readonly memories: readonly MemoryPlan[]; readonly numbers: readonly number[][] } {
  const memories: MemoryPlan[] = [];
  const numbers: number[][] = [];
  for (const [core, form] of forms.entries()) {
    numbers[core] = form.memories.map((plan, index) => {
      const source = linked[core]?.find((each) => each.kind === 'memory' && each.index === index);
      const known = source === undefined ? undefined : numbers[source.core]?.[source.sourceIndex];
      return known ?? memories.push(plan) - 1;
    });
  }
  return { memories, numbers };
}

/**
 * Whether marks can tell all that was written. A core marks stores to its memory 0 alone: a memory
 * that nobody marks is put back whole, one that only some cores mark cannot be put back at all.
 */
function canMark(numbers: readonly (readonly number[])[]): boolean {
  const marked = new Set(numbers.map(([first]) => first));
  marked.delete(undefined);
  const others = numbers.flatMap((own) => own.slice(1));
  return marked.size > 0 && !others.some((number) => marked.has(number));
}
