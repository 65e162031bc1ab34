/** One script of the official suite: its components, and what they must answer. */
import { TerrafirmaError } from '../../../src/errors.ts';
import type { PlannedExport } from '../../../src/wasm/component/plan.ts';
import { type ComponentOptions, isComponent, readComponent } from '../../../src/wasm/component.ts';
import { suiteComponentLimits, suiteModuleLimits } from './limits.ts';
import { findExport, type Outcome, type SuiteAction } from './suite-abi.ts';
import type { SuiteWorld } from './suite-world.ts';
import { describeValue, isSameValue, readValue } from './values.ts';

/** As `wasm-tools json-from-wast` writes it. */
export interface SuiteCommand {
  readonly type: string;
  readonly line: number;
  readonly filename?: string;
  readonly module_type?: string;
  readonly name?: string;
  readonly instance?: string;
  readonly module?: string;
  readonly action?: {
    readonly type: string;
    readonly module?: string;
    readonly field: string;
    readonly args: readonly unknown[];
  };
  readonly expected?: readonly unknown[];
  readonly text?: string;
}

interface Expected extends SuiteAction {
  readonly type: 'assert_return' | 'assert_trap' | 'action';
  readonly expected: readonly unknown[];
}

/** One instance, and what is done with it. */
export interface Part {
  readonly line: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly actions: Expected[];
  readonly must: 'start' | 'fail' | 'not link';
  /** Components that the script has named before: it may import instances of them. */
  readonly named: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

export interface ScriptReport {
  /** Kind of command → how many passed. */
  readonly passed: Map<string, number>;
  /** Line → what went wrong. */
  readonly failed: Map<number, string>;
}

/** Traps are the guest's: these would be errors of our own. */
const ourErrors = /^(?:TypeError|ReferenceError|RangeError|SyntaxError|AggregateError)\b/;

/** The parts of a script; its commands that only say what is valid are left out. */
export function partsOf(
  commands: readonly SuiteCommand[],
  read: (file: string) => Uint8Array<ArrayBuffer>,
): readonly Part[] {
  const parts: Part[] = [];
  const definitions = new Map<string, Uint8Array<ArrayBuffer>>();
  const named = new Map<string, Part>();
  let lastDefinition: Uint8Array<ArrayBuffer> | undefined;
  const begin = (
    bytes: Uint8Array<ArrayBuffer>,
    line: number,
    must: Part['must'] = 'start',
  ): Part => {
    const before = [...named].map(([each, part]) => [each, part.bytes] as const);
    const part: Part = { line, bytes, actions: [], must, named: new Map(before) };
    parts.push(part);
    return part;
  };
  for (const command of commands) {
    const { type, line, filename, name, instance, module, action } = command;
    const bytes = filename === undefined ? undefined : read(filename);
    if (type === 'module_definition' && bytes !== undefined) {
      lastDefinition = bytes;
      if (name !== undefined) definitions.set(name, bytes);
    } else if (type === 'module' && bytes !== undefined) {
      const part = begin(bytes, line);
      if (name !== undefined) named.set(name, part);
    } else if (type === 'module_instance') {
      const definition = definitions.get(module ?? '') ?? lastDefinition;
      if (definition === undefined) continue;
      const part = begin(definition, line);
      if (instance !== undefined) named.set(instance, part);
    } else if (type === 'assert_uninstantiable' && bytes !== undefined) {
      begin(bytes, line, 'fail');
    } else if (type === 'assert_unlinkable' && bytes !== undefined) {
      begin(bytes, line, 'not link');
    } else if (action !== undefined && isAction(type)) {
      const { field, args, module: wanted } = action;
      const part = wanted === undefined ? parts.at(-1) : named.get(wanted);
      part?.actions.push({ type, line, field, args, expected: command.expected ?? [] });
    }
  }
  return parts;
}

function isAction(type: string): type is Expected['type'] {
  return type === 'assert_return' || type === 'assert_trap' || type === 'action';
}

/** Does all that the script says, in one world. */
export async function runScript(parts: readonly Part[], world: SuiteWorld): Promise<ScriptReport> {
  const report: ScriptReport = { passed: new Map(), failed: new Map() };
  for (const part of parts) {
    try {
      await inTime(runPart(part, world, report));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const { line } of [part, ...part.actions]) report.failed.set(line, reason);
    }
  }
  return report;
}

/** What waits for ever would end the whole suite. */
async function inTime(work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('it does not end')), partMsMax);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

const partMsMax = 30_000;

async function runPart(part: Part, world: SuiteWorld, report: ScriptReport): Promise<void> {
  const { bytes, actions, line, must } = part;
  if (must === 'not link') {
    note(report, { type: 'assert_unlinkable', line }, judgeLink(bytes));
    return;
  }
  if (actions.length === 0 && !isComponent(bytes)) return;
  if (must === 'fail' || actions.length === 0) {
    const outcome = await world.start(bytes);
    if (must === 'fail') note(report, { type: 'assert_uninstantiable', line }, judgeTrap(outcome));
    else note(report, { type: 'instance', line }, faultOfStart(outcome));
    return;
  }
  const outcomes = await world.perform(bytes, actions);
  const { plan } = readComponent(bytes, readOptions);
  for (const [at, action] of actions.entries()) {
    const outcome = outcomes[at];
    // An instance that has trapped is locked: each call of it traps.
    const isLocked = outcome === undefined && outcomes.at(-1)?.kind === 'trapped';
    const received = isLocked ? locked : outcome;
    note(report, action, judge(action, received, findExport(plan, action.field)));
  }
}

const readOptions: ComponentOptions = {
  limits: suiteComponentLimits,
  moduleLimits: suiteModuleLimits,
};
const locked: Outcome = { kind: 'trapped', reason: 'the instance has trapped before' };

function note(
  { passed, failed }: ScriptReport,
  { type, line }: { readonly type: string; readonly line: number },
  fault: string | undefined,
): void {
  if (fault === undefined) passed.set(type, (passed.get(type) ?? 0) + 1);
  else failed.set(line, fault);
}

/** What is wrong with an outcome; undefined: nothing. */
function judge(
  { type, expected }: Expected,
  outcome: Outcome | undefined,
  { type: { result } }: PlannedExport,
): string | undefined {
  if (type === 'assert_trap') return judgeTrap(outcome);
  if (outcome?.kind !== 'returned') {
    return `it must return: received ${outcome?.reason ?? 'no outcome'}`;
  }
  if (type === 'action' || result === undefined) return undefined;
  const wanted = readValue(result, expected[0]);
  if (isSameValue(outcome.value, wanted)) return undefined;
  return `expected ${describeValue(wanted)}: received ${describeValue(outcome.value)}`;
}

function faultOfStart(outcome: Outcome | undefined): string | undefined {
  return outcome?.kind === 'trapped' ? `it must start: received ${outcome.reason}` : undefined;
}

function judgeLink(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    readComponent(bytes, readOptions);
    return 'it must not link';
  } catch (error) {
    return error instanceof TerrafirmaError ? undefined : `an error of ours: ${String(error)}`;
  }
}

function judgeTrap(outcome: Outcome | undefined): string | undefined {
  if (outcome?.kind !== 'trapped') return 'it must trap';
  return ourErrors.test(outcome.reason) ? `an error of ours: ${outcome.reason}` : undefined;
}
