/** What a trace shows of the calls that the canonical ABI itself answers. */
import type { EndTrampoline, Trampoline } from '../../wasm/component/plan.ts';
import type { CoreFace, HostcallFacts, TypedCall, Value } from '../hostcall.ts';

type Shape = readonly [params: readonly Value[], results: readonly Value[]];

const nothing: Shape = [[], []];
const handle: Value = ['handle', 'handle'];
const set: Value = ['set', 'handle'];
const event: Value = ['event', 'number'];
const given = (...values: readonly Value[]): Shape => [values, []];
const copy = (...values: readonly Value[]): Shape => [
  [['end', 'handle'], ['ptr', 'address'], ...values],
  [['code', 'number']],
];
const gives = ([params]: Shape, ...results: readonly Value[]): Shape => [params, results];

/** Of a copy that is under way: told when it is done. */
const blocked = new Map([
  [-1, 'blocked'],
  [0xffff_ffff, 'blocked'],
]);

/** What has values of the caller's own types is shown by these. */
const shapes: Readonly<Record<Exclude<Trampoline['kind'], 'host' | 'stream' | 'future'>, Shape>> = {
  guest: nothing,
  'resource.new': gives(given(['rep', 'number']), handle),
  'resource.drop': given(handle),
  'resource.rep': gives(given(handle), ['rep', 'number']),
  'context.get': gives(nothing, ['value', 'number']),
  'context.set': given(['value', 'number']),
  'task.return': nothing,
  'task.cancel': nothing,
  'thread.yield': gives(nothing, ['cancelled', 'flag']),
  'backpressure.inc': nothing,
  'backpressure.dec': nothing,
  'subtask.cancel': gives(given(['subtask', 'handle']), ['state', 'number']),
  'subtask.drop': given(['subtask', 'handle']),
  'waitable-set.new': gives(nothing, set),
  'waitable-set.wait': gives(given(set, ['ptr', 'address']), event),
  'waitable-set.poll': gives(given(set, ['ptr', 'address']), event),
  'waitable-set.drop': given(set),
  'waitable.join': given(['waitable', 'handle'], set),
};

const endShapes: Readonly<Record<EndTrampoline['operation'], Shape>> = {
  new: gives(nothing, ['ends', 'ends']),
  read: copy(['count', 'number']),
  write: copy(['count', 'number']),
  'cancel-read': gives(given(['end', 'handle']), ['code', 'number']),
  'cancel-write': gives(given(['end', 'handle']), ['code', 'number']),
  'drop-readable': given(['end', 'handle']),
  'drop-writable': given(['end', 'handle']),
};

/** @param typed Of a call to another instance, or of an answer: its values are shown. */
export function factsOfBuiltIn(
  trampoline: Trampoline,
  typed?: { readonly typed: TypedCall; readonly core: CoreFace },
): HostcallFacts {
  const [params, results] = shapeOf(trampoline);
  const words = { params, results, resultNames: blocked, waits: false, meaning: '', spec: '' };
  return { name: nameOf(trampoline), ...words, ...typed };
}

function shapeOf(trampoline: Trampoline): Shape {
  if (trampoline.kind === 'host') return nothing;
  if (trampoline.kind === 'stream') return endShapes[trampoline.operation];
  if (trampoline.kind !== 'future') return shapes[trampoline.kind];
  const [params, results] = endShapes[trampoline.operation];
  // A future has one value.
  return [params.filter(([name]) => name !== 'count'), results];
}

function nameOf(trampoline: Trampoline): string {
  if (trampoline.kind === 'host') return trampoline.name;
  if (trampoline.kind === 'guest') return `call ${trampoline.callee.func.export}`;
  if (trampoline.kind === 'stream' || trampoline.kind === 'future') {
    return `${trampoline.kind}.${trampoline.operation}`;
  }
  return trampoline.kind;
}
