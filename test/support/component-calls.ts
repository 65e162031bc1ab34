/**
 * Components that call what a test names: their imports are written from the interfaces' types, so
 * that any function of the host can be called with any core values.
 */
import { Interfaces } from '../../src/abi/component/interfaces.ts';
import { compatibleName } from '../../src/wasm/component/names.ts';
import { type FuncType, flattenFunction, Layouts } from '../../src/wasm/component/types.ts';
import { type ComponentOptions, makeComponent } from './component-bytes.ts';

/** Interface → function → how the guest's text calls it. */
export type Calls = Readonly<Record<string, Readonly<Record<string, string>>>>;

const http = 'wasi:http/types@0.2.0';
const streams = 'wasi:io/streams@0.2.0';

/** Interfaces whose types others use; in their order. */
const needed = [
  'wasi:io/error@0.2.0',
  'wasi:io/poll@0.2.0',
  streams,
  'wasi:clocks/monotonic-clock@0.2.0',
  http,
] as const;

/** What `answerWith` calls. */
const answering: Calls = {
  [streams]: {
    '[method]output-stream.blocking-write-and-flush': '$write-flush',
    '[resource-drop]output-stream': '$drop-stream',
  },
  [http]: {
    '[constructor]fields': '$fields',
    '[constructor]outgoing-response': '$response',
    '[method]outgoing-response.body': '$body',
    '[method]outgoing-body.write': '$open',
    '[static]outgoing-body.finish': '$finish',
    '[static]response-outparam.set': '$set',
  },
};

/** Answers 200 with the `$len` bytes at `$ptr`; the first 64 bytes of memory are its own. */
const answerWith = `
  (func $answer (param $out i32) (param $ptr i32) (param $len i32)
    (local $response i32) (local $body i32)
    (local.set $response (call $response (call $fields)))
    (call $body (local.get $response) (i32.const 0))
    (local.set $body (i32.load (i32.const 4)))
    (call $set (local.get $out) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $open (local.get $body) (i32.const 0))
    (call $write-flush (i32.load (i32.const 4)) (local.get $ptr) (local.get $len) (i32.const 16))
    (call $drop-stream (i32.load (i32.const 4)))
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 32)))`;

export interface CallingGuest extends Partial<Omit<ComponentOptions, 'wat' | 'imports'>> {
  /** Beside those of `$answer`. */
  readonly calls?: Calls;
  /** In the body of `handle`, whose parameters are `$request` and `$out`. */
  readonly code: string;
  /** Beside it: data, globals, functions. */
  readonly beside?: string;
  /** Of other core modules. */
  readonly imports?: string;
}

/** A component that answers requests. */
export function callingGuest({
  calls = {},
  code,
  beside = '',
  imports: others = '',
  ...rest
}: CallingGuest): Uint8Array<ArrayBuffer> {
  const all = merge(answering, calls);
  const wat = `(module
    (import "libc" "memory" (memory 1))
    ${others}
    ${importsText(all, rest.importTypes ?? {})}
    ${answerWith}
    ${beside}
    (func (export "handle") (param $request i32) (param $out i32) ${code}))`;
  const imports = Object.fromEntries(
    Object.entries(all).map(([owner, functions]) => [owner, Object.keys(functions)] as const),
  );
  return makeComponent({
    ...rest,
    wat,
    imports,
    exports: rest.exports ?? ['wasi:http/incoming-handler@0.2.0', 'handle'],
  });
}

/** All interfaces, each after those that it uses. */
function merge(one: Calls, other: Calls): Calls {
  const names = new Set<string>([...needed, ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, { ...one[name], ...other[name] }]));
}

function importsText(calls: Calls, types: Readonly<Record<string, FuncType>>): string {
  const interfaces = new Interfaces();
  const lines: string[] = [];
  for (const [owner, functions] of Object.entries(calls)) {
    const known = interfaces.imports.get(compatibleName(owner));
    for (const [name, alias] of Object.entries(functions)) {
      const type = types[`${owner}#${name}`] ?? known?.functions.get(name)?.type;
      lines.push(`(import "${owner}" "${name}" (func ${alias} ${signature(name, type)}))`);
    }
  }
  return lines.join('\n    ');
}

function signature(name: string, type: FuncType | undefined): string {
  if (name.startsWith('[resource-drop]')) return '(param i32)';
  if (type === undefined) throw new TypeError(`Cannot import ${name}: there is no such function`);
  const how = { context: 'lower', isAsync: false, layouts: new Layouts() } as const;
  const { params, results } = flattenFunction(type, how);
  const paramText = params.length === 0 ? '' : `(param ${params.join(' ')})`;
  return results.length === 0 ? paramText : `${paramText} (result ${results.join(' ')})`;
}

/** Text at an address, as data of a guest. */
export function data(address: number, text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`);
  return `(data (i32.const ${address}) "${bytes.join('')}")`;
}
