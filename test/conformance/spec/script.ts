/**
 * Runs one script in the original and in a metered world and compares every outcome. A module
 * whose instance can be restored is restored when its part of the script ends, and its actions run
 * once more: they must answer as before.
 */
import type { EngineWorld } from './engine-world.ts';
import { describeOutcome, HostReferences, readConstant } from './values.ts';
import { callVector, findVectorCalls, type VectorCall, writeCaller } from './vector.ts';
import { headOf, type ListNode, readWast, wordAt } from './wast.ts';
import type { Running, World } from './world.ts';
import { originalWorld } from './world.ts';

/** Where the metered form runs: with a host of the test's, and in the engine. */
export interface Worlds {
  readonly metered: World;
  readonly engine: EngineWorld;
}

export type Assemble = (wat: string) => Promise<Uint8Array>;

export interface ScriptReport {
  moduleCount: number;
  actionCount: number;
  restoredCount: number;
  /** Runs in the engine of the product, fresh and restored. */
  engineRunCount: number;
  /** Modules neither V8 nor we run: text our assembler does not know, or V8 refuses. */
  readonly refused: string[];
  readonly failures: string[];
}

/** An action of the script on one instance: the same in each world. */
interface Action {
  readonly at: number;
  readonly field: string;
  readonly args: readonly unknown[];
  /** Number of the call in the callers, where it passes v128. */
  readonly vector?: number;
}

interface Pair {
  readonly original: Running;
  readonly metered: Running;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly history: { readonly action: Action; readonly outcome: string }[];
  isShared: boolean;
  vectorCalls: readonly VectorCall[];
  /** Modules that make the calls with v128, in either world. */
  callers: readonly WebAssembly.Instance[];
}

export class ScriptRunner {
  readonly #text: string;
  readonly #world: World;
  readonly #engine: EngineWorld;
  readonly #assemble: Assemble;
  readonly #hosts = new HostReferences();
  readonly #named = new Map<string, Pair>();
  readonly #definitions = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #imports: readonly [WebAssembly.Imports, WebAssembly.Imports];
  #current: Pair | undefined;
  #currentBytes: Uint8Array<ArrayBuffer> | undefined;
  readonly report: ScriptReport = {
    moduleCount: 0,
    actionCount: 0,
    restoredCount: 0,
    engineRunCount: 0,
    refused: [],
    failures: [],
  };

  constructor(text: string, worlds: Worlds, assemble: Assemble) {
    this.#text = text;
    this.#world = worlds.metered;
    this.#engine = worlds.engine;
    this.#assemble = assemble;
    this.#imports = [makeSpectest(), makeSpectest()];
  }

  async run(): Promise<ScriptReport> {
    const commands = readWast(this.#text);
    for (const [i, command] of commands.entries()) {
      await this.#command(command);
      if (headOf(command) === 'module') await this.#prepareVectors(commands.slice(i + 1));
    }
    await this.#finishPair();
    return this.report;
  }

  async #command(command: ListNode): Promise<void> {
    switch (headOf(command)) {
      case 'module':
        return this.#module(command);
      case 'register':
        return this.#register(command);
      case 'invoke':
      case 'get':
        return this.#act(command);
      case 'assert_return':
      case 'assert_exhaustion':
      case 'assert_exception':
        return this.#act(command.items[1]);
      case 'assert_trap':
      case 'assert_unlinkable':
        return this.#trap(command);
      default:
    }
  }

  #lineOf(offset: number): number {
    return this.#text.slice(0, offset).split('\n').length;
  }

  #fail(offset: number, what: string): void {
    this.report.failures.push(`line ${this.#lineOf(offset)}: ${what}`);
  }

  async #assembleModule(node: ListNode): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const source = this.#text
      .slice(node.start, node.end)
      .replace(/^\(module\s+definition/, '(module');
    if (/^\(module\s+(\$\S+\s+)?quote/.test(source)) return undefined;
    try {
      const bytes = Uint8Array.from(await this.#assemble(source));
      if (WebAssembly.validate(bytes)) return bytes;
      this.report.refused.push(`line ${this.#lineOf(node.start)}: V8 refuses`);
    } catch {
      this.report.refused.push(`line ${this.#lineOf(node.start)}: not assembled`);
    }
    return undefined;
  }

  async #module(node: ListNode): Promise<void> {
    const keyword = wordAt(node, 1);
    const name = [wordAt(node, 1), wordAt(node, 2)].find((word) => word?.startsWith('$'));
    if (keyword === 'instance') {
      const definition = this.#definitions.get(wordAt(node, 3) ?? wordAt(node, 2) ?? '');
      if (definition !== undefined) this.#instantiate(definition, wordAt(node, 2), node.start);
      return;
    }
    const bytes = await this.#assembleModule(node);
    if (keyword === 'definition') {
      if (bytes !== undefined && name !== undefined) this.#definitions.set(name, bytes);
      return;
    }
    await this.#finishPair();
    this.#current = undefined;
    if (bytes !== undefined) this.#instantiate(bytes, name, node.start);
  }

  #instantiate(bytes: Uint8Array<ArrayBuffer>, name: string | undefined, at: number): void {
    this.report.moduleCount++;
    const running: Running[] = [];
    const outcomes = [originalWorld, this.#world].map((world, i) =>
      describeOutcome(() => {
        running.push(world.instantiate(bytes, this.#imports[i] ?? {}));
      }),
    );
    if (outcomes[0] !== outcomes[1]) this.#fail(at, `instantiation: ${outcomes.join(' / ')}`);
    const [original, metered] = running;
    if (original === undefined || metered === undefined) return;
    this.#currentBytes = bytes;
    this.#current = {
      original,
      metered,
      bytes,
      history: [],
      isShared: false,
      vectorCalls: [],
      callers: [],
    };
    if (name !== undefined) this.#named.set(name, this.#current);
  }

  /** Makes the callers for the part of the script that `following` begins with. */
  async #prepareVectors(following: readonly ListNode[]): Promise<void> {
    const pair = this.#current;
    const bytes = this.#currentBytes;
    if (pair === undefined || bytes === undefined) return;
    const end = following.findIndex((command) => headOf(command) === 'module');
    const part = end < 0 ? following : following.slice(0, end);
    const calls = findVectorCalls(this.#text, part, bytes);
    if (calls.length === 0) return;
    const wat = writeCaller(bytes, calls);
    const module = new WebAssembly.Module(Uint8Array.from(await this.#assemble(wat)));
    pair.vectorCalls = calls;
    pair.callers = [pair.original, pair.metered].map(
      (running) => new WebAssembly.Instance(module, { m: running.exports }),
    );
  }

  #register(node: ListNode): void {
    const as = node.items[1];
    const name = wordAt(node, 2);
    const pair = name === undefined ? this.#current : this.#named.get(name);
    if (as?.kind !== 'string' || pair === undefined) return;
    pair.isShared = true;
    this.#imports[0][as.text] = { ...pair.original.exports };
    this.#imports[1][as.text] = { ...pair.metered.exports };
  }

  async #trap(command: ListNode): Promise<void> {
    const subject = command.items[1];
    if (subject?.kind !== 'list') return;
    if (headOf(subject) !== 'module') {
      this.#act(subject);
      return;
    }
    const kept = this.#current;
    const bytes = await this.#assembleModule(subject);
    if (bytes !== undefined) this.#instantiate(bytes, undefined, subject.start);
    this.#current = kept;
  }

  #act(node: ListNode['items'][number] | undefined): void {
    if (node?.kind !== 'list') return;
    const name = wordAt(node, 1);
    const pair = name === undefined ? this.#current : this.#named.get(name);
    const field = node.items[name === undefined ? 1 : 2];
    if (pair === undefined || field?.kind !== 'string') return;
    const vector = pair.vectorCalls.findIndex((call) => call.at === node.start);
    if (vector >= 0) {
      this.#compare(pair, { at: node.start, field: field.text, args: [], vector });
      return;
    }
    const args = node.items
      .slice(name === undefined ? 2 : 3)
      .map((item) => (item.kind === 'list' ? readConstant(item, this.#hosts) : undefined));
    if (args.includes(undefined)) return;
    const action = { at: node.start, field: field.text, args: args.map((each) => each?.value) };
    this.#compare(pair, action);
  }

  #compare(pair: Pair, action: Action): void {
    this.report.actionCount++;
    const original = perform(pair, 0, action);
    const metered = perform(pair, 1, action);
    if (original !== metered) this.#fail(action.at, `${original} / ${metered}`);
    pair.history.push({ action, outcome: original });
  }

  /** Restores what can be restored and repeats what was done. */
  async #finishPair(): Promise<void> {
    const pair = this.#current;
    if (pair === undefined || pair.isShared || pair.history.length === 0) return;
    await this.#repeatInEngine(pair);
    if (!pair.metered.restore()) return;
    this.report.restoredCount++;
    for (const { action, outcome } of pair.history) {
      const again = perform(pair, 1, action);
      if (again !== outcome) this.#fail(action.at, `restored: ${outcome} / ${again}`);
    }
  }

  /** The calls of the part, but for those that pass v128, of which JavaScript cannot make any. */
  async #repeatInEngine({ bytes, history, original }: Pair): Promise<void> {
    const calls = history.filter(({ action: { field, vector } }) => {
      return vector === undefined && typeof original.exports[field] === 'function';
    });
    const isWhole = calls.length === history.length;
    if (!isWhole || calls.length === 0) return;
    const repeated = calls.map(({ action, outcome }) => ({ ...action, outcome }));
    const repetition = await this.#engine.repeat(bytes, repeated);
    this.report.engineRunCount += repetition?.runs ?? 0;
    for (const difference of repetition?.differences ?? []) {
      this.#fail(history[0]?.action.at ?? 0, difference);
    }
  }
}

/** Performs an action in world 0 (original) or 1 (metered). */
function perform(pair: Pair, world: 0 | 1, action: Action): string {
  const running = world === 0 ? pair.original : pair.metered;
  const { field, args, vector } = action;
  if (vector !== undefined) {
    const caller = pair.callers[world];
    return describeOutcome(() => caller && callVector(caller, vector));
  }
  const value = running.exports[field];
  if (value instanceof WebAssembly.Global) return describeOutcome(() => value.value);
  return describeOutcome(() => running.call(field, args));
}

/** The module every script may import from. */
function makeSpectest(): WebAssembly.Imports {
  const global = (value: 'i32' | 'i64' | 'f32' | 'f64', initial: number | bigint) =>
    new WebAssembly.Global({ value, mutable: false }, initial);
  const print = (): void => undefined;
  const table64 = { element: 'anyfunc', address: 'i64', initial: 10n, maximum: 20n };
  return {
    spectest: {
      print,
      print_i32: print,
      print_i64: print,
      print_f32: print,
      print_f64: print,
      print_i32_f32: print,
      print_f64_f64: print,
      global_i32: global('i32', 666),
      global_i64: global('i64', 666n),
      global_f32: global('f32', 666.6),
      global_f64: global('f64', 666.6),
      table: new WebAssembly.Table({ element: 'anyfunc', initial: 10, maximum: 20 }),
      table64: new WebAssembly.Table(
        table64 as unknown as ConstructorParameters<typeof WebAssembly.Table>[0],
      ),
      memory: new WebAssembly.Memory({ initial: 1, maximum: 2 }),
    },
  };
}
