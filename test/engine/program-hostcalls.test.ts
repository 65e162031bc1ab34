import { afterEach, describe, expect, it, test, vi } from 'vitest';
import { waitingGuests } from '../../bench/waiting-guests.ts';
import type { Hostcall } from '../../src/abi/hostcall.ts';
import { Crossings, type HostFunction } from '../../src/engine/crossings.ts';
import { HostcallGate } from '../../src/engine/hostcall-gate.ts';
import { GuestInstance } from '../../src/engine/instance.ts';
import {
  type HostcallPort,
  type ProgramHostcall,
  ProgramHostcalls,
} from '../../src/engine/program-hostcalls.ts';
import type { Activation } from '../../src/engine/run/activation.ts';
import { takeTrap } from '../../src/engine/run/trap.ts';
import { RunSlot } from '../../src/engine/run-slot.ts';
import { World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { answerOf, Engine } from './world.ts';

const facts = {
  ...{ name: 'ask', waits: false, meaning: '', spec: '' },
  params: [['what', 'number']],
  results: [['answer', 'number']],
} as const;
const wanted = [{ module: 'host', name: 'ask', core: 0 }];
const hostcall: Hostcall = { facts, waits: false, call: (_what: number) => 0 };

const asking = new WebAssembly.Module(
  assemble(`(module (import "host" "ask" (func $ask (param i32) (result i32)))
    (func (export "run") (result i32) (call $ask (i32.const 7))))`),
);

/** A thread, and instances on it that answer what they are told to. */
function newThread() {
  const trap = takeTrap();
  const scheduler: {
    current: { readonly serving: number; readonly instance: { port: Port } } | undefined;
  } = { current: undefined };
  const crossings = new Crossings({ scheduler, trap });
  const program = (): ProgramHostcalls => new ProgramHostcalls({ scheduler, trap, crossings });
  return { trap, scheduler, program };
}

class Port implements HostcallPort {
  readonly program: ProgramHostcalls;
  readonly #answer: number;
  readonly #calls: HostFunction[] = [];
  opened = 0;
  isOver = false;

  constructor(program: ProgramHostcalls, answer: number) {
    this.program = program;
    this.#answer = answer;
  }

  enter() {
    if (this.isOver) throw new Error('over');
    return { serving: 1, endByError: (error: unknown) => error as WebAssembly.RuntimeError };
  }

  find(wantedCall: ProgramHostcall): HostFunction {
    const known = this.#calls[wantedCall.place];
    if (known !== undefined) return known;
    this.opened += 1;
    const call = (what: unknown): number => this.#answer + Number(what);
    this.#calls[this.program.place(wantedCall)] = call;
    return call;
  }

  leave(_run: unknown, answer: unknown): unknown {
    return answer;
  }
}

function link(program: ProgramHostcalls): () => number {
  const [known] = program.of(wanted, 0, () => hostcall);
  const { exports } = new WebAssembly.Instance(asking, {
    host: { ask: known?.hostcall.shared ?? 0 },
  });
  return exports.run as () => number;
}

describe('ProgramHostcalls', () => {
  it('calls the hostcall of the instance that has the thread', () => {
    const { scheduler, program } = newThread();
    const own = program();
    const run = link(own);
    const ports = [new Port(own, 100), new Port(own, 200)];
    const answers = [...ports, ...ports].map((port) => {
      scheduler.current = { serving: 1, instance: { port } };
      return run();
    });
    expect(answers).toEqual([107, 207, 107, 207]);
    expect(ports.map(({ opened }) => opened)).toEqual([1, 1]);
  });

  it('has one function for all instances, and asks what it is like once', () => {
    const { program } = newThread();
    const own = program();
    const first = own.of(wanted, 0, () => hostcall);
    const second = own.of(wanted, 0, () => {
      throw new Error('asked again');
    });
    expect(second[0]?.hostcall.shared).toBe(first[0]?.hostcall.shared);
    expect(second[0]?.hostcall.shared).toBeTypeOf('function');
  });

  it('has one function for all that import the same, under whatever names', () => {
    const { program } = newThread();
    const own = program();
    const names = ['a', 'b', 'b'].map((name) => ({ module: 'host', name, core: 0 }));
    const first = own.of(names, 0, () => hostcall);
    const second = own.of(names, 1, () => hostcall);
    const other = own.of(wanted, 2, () => ({ ...hostcall, facts: { ...facts } }));
    expect([...first, ...second].map((each) => each.wanted)).toEqual([...names, ...names]);
    const known = new Set([...first, ...second].map((each) => each.hostcall));
    expect(known.size).toBe(1);
    expect(known.has(other[0]?.hostcall as ProgramHostcall)).toBe(false);
  });

  it('keeps a place for each of any number', () => {
    const { program } = newThread();
    const own = program();
    const count = 70_000;
    const names = Array.from({ length: count }, (_, at) => ({
      module: 'host',
      name: `${at}`,
      core: 0,
    }));
    const all = own.of(names, 0, () => ({ waits: false, call: () => 0 }));
    const places = all.map((each) => own.place(each.hostcall));
    expect(new Set(places).size).toBe(count);
    expect(all.map((each) => own.place(each.hostcall))).toEqual(places);
  });

  it('ends a guest that runs on nobody’s account, or on that of another program', () => {
    const { trap, scheduler, program } = newThread();
    const own = program();
    const other = program();
    const run = link(own);
    expect(run).toThrow(trap);
    const port = new Port(other, 100);
    scheduler.current = { serving: 1, instance: { port } };
    expect(run).toThrow(trap);
    expect(port.opened).toBe(0);
  });

  it('makes no hostcall where the instance lets none in', () => {
    const { scheduler, program } = newThread();
    const own = program();
    const run = link(own);
    const port = new Port(own, 100);
    port.isOver = true;
    scheduler.current = { serving: 1, instance: { port } };
    expect(run).toThrow('over');
    expect(port.opened).toBe(0);
  });

  it('gives an instance functions of its own, whoever has the thread', () => {
    const { program } = newThread();
    const own = program();
    const [known] = own.of(wanted, 0, () => hostcall);
    if (known === undefined) throw new Error('no hostcall');
    const runs = [100, 200].map((answer) => {
      const ask = own.openFor(new Port(own, answer), known.hostcall);
      return new WebAssembly.Instance(asking, { host: { ask } }).exports.run as () => number;
    });
    expect(runs.map((run) => run())).toEqual([107, 207]);
  });

  it('shares no function of which it does not know the type', () => {
    const { program } = newThread();
    const [known] = program().of(wanted, 0, () => ({ waits: false, call: () => 0 }));
    expect(known?.hostcall.shared).toBeUndefined();
  });
});

const guests = [
  ...['hello', 'kv', 'fetch-async', 'fastly-poll', 'components/composed'],
  ...['hello', 'service03', 'link03', 'spin', 'spin3', 'guard', 'guarded-hello'].map(
    (name) => `components/rust/${name}`,
  ),
];

describe('an instance', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(guests)('of %s imports what all others do', async (guest) => {
    const openFor = vi.spyOn(ProgramHostcalls.prototype, 'openFor');
    using engine = new Engine();
    const loaded = engine.load(guest);
    for (const _ of [1, 2]) await engine.run(loaded);
    expect(openFor).not.toHaveBeenCalled();
  });

  it('makes the functions that it calls, and no others', async () => {
    const opened = vi.spyOn(GuestInstance.prototype, 'openHostcall');
    const world = new World();
    using engine = new Engine();
    const loaded = engine.load(waitingGuests.get('component-0.3')?.() ?? '');
    const runs = [1, 2].map(() => engine.begin(loaded, { world }));
    while (world.waiting.size < 2) await new Promise((resolve) => setImmediate(resolve));
    world.elapse(1_000_000n);
    for (const { exchange, report } of runs) {
      expect(answerOf(exchange, await report).text).toBe('awake');
    }
    const wantedBy = new Map<unknown, string[]>();
    for (const [at, [each]] of opened.mock.calls.entries()) {
      const by = opened.mock.contexts[at];
      wantedBy.set(by, [...(wantedBy.get(by) ?? []), `${each.core} ${each.module} ${each.name}`]);
    }
    const [first = [], second = []] = wantedBy.values();
    expect(new Set(second).size).toBe(second.length);
    expect(second.length).toBeGreaterThan(3);
    expect(first.length).toBeGreaterThan(second.length + 10);
  });
});

test('an instance makes no hostcalls for a run that has not the thread', () => {
  const trap = takeTrap();
  const [mine, other] = [{} as Activation, {} as Activation];
  const scheduler: { current: Activation | undefined } = { current: mine };
  const slot = new RunSlot({ trap, scheduler });
  expect(() => slot.onTurn()).toThrow(trap);
  slot.activation = mine;
  expect(slot.onTurn()).toBe(mine);
  scheduler.current = other;
  expect(() => slot.onTurn()).toThrow(trap);
  scheduler.current = undefined;
  expect(() => slot.onTurn()).toThrow(trap);
});

test('a hostcall that may not wait and would ends its run', () => {
  const gate = new HostcallGate({
    program: newThread().program(),
    slot: new RunSlot({ trap: takeTrap(), scheduler: { current: undefined } }),
    memories: { takeTouched: () => 0 },
    guest: { endSlice: () => undefined, openHostcall: () => undefined },
  });
  const run = {} as Activation;
  function* steps() {
    yield undefined;
    return 1;
  }
  expect(() => gate.leave(run, Promise.resolve(1), false)).toThrow('Cannot wait');
  expect(() => gate.leave(run, steps(), false)).toThrow('Cannot wait');
});
