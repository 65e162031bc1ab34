import { describe, expect, test } from 'vitest';
import type { FunctionFace, ModuleFace } from '../../../src/abi/abi.ts';
import { createCatalogue } from '../../../src/abi/catalogue.ts';
import { defaultLimits } from '../../../src/config/config.ts';

const catalogue = createCatalogue(defaultLimits);

type Import = ModuleFace['imports'][number];
type Export = ModuleFace['exports'][number];

const start: Export = { name: '_start', kind: 'function', type: { params: [], results: [] } };

function imported(module: string, name: string, ...params: readonly string[]): Import {
  return { module, name, kind: 'function', type: { params, results: ['i32'] } };
}

const newBody = imported('fastly_http_body', 'new', 'i32');
const args = imported('wasi_snapshot_preview1', 'args_get', 'i32', 'i32');

function judge(imports: readonly Import[], exports: readonly Export[] = [start]): string {
  const verdict = catalogue.judgeModule({ imports, exports });
  return verdict.kind === 'speaks' ? `${verdict.abi} ${verdict.entry}` : verdict.reason;
}

describe('a program for Fastly Compute', () => {
  test('is told by its imports, with WASI beside them', () => {
    expect(judge([newBody])).toBe('fastly _start');
    expect(judge([args, newBody])).toBe('fastly _start');
    expect(judge([args])).toBe('wasip1 _start');
  });

  test('is told by its old names', () => {
    expect(judge([imported('env', 'xqd_body_new', 'i32')])).toBe('fastly _start');
  });

  test('may import what is newer than the daemon', () => {
    const newer = imported('fastly_quantum', 'entangle', 'i32', 'i64');
    expect(judge([newBody, newer])).toBe('fastly _start');
    const gives: FunctionFace = { params: [], results: ['i64'] };
    expect(judge([newBody, { ...newer, type: gives }])).toMatch(
      /unknown import "fastly_quantum" "entangle": .* gives an i32: received \(\) -> \(i64\)/,
    );
    const unheard = { ...imported('fastly_http_req', 'no_such'), type: gives };
    expect(judge([newBody, unheard])).toMatch(/unknown import "fastly_http_req" "no_such": /);
  });

  test('is refused with all that is wrong with it', () => {
    const reason = judge(
      [
        imported('fastly_http_body', 'new'),
        { module: 'fastly_log', name: 'write', kind: 'memory' },
        imported('wasi_snapshot_preview1', 'nope'),
        imported('env', 'abort'),
      ],
      [],
    );
    expect(reason).toMatch(/"fastly_http_body" "new": expected a function \(i32\) -> \(i32\)/);
    expect(reason).toMatch(/"fastly_log" "write": .*received a memory/);
    expect(reason).toMatch(/unknown import "wasi_snapshot_preview1" "nope"/);
    expect(reason).toMatch(/unknown import "env" "abort"/);
    expect(reason).toMatch(/no export `_start`/);
  });

  test('is refused with an entry that is none', () => {
    expect(judge([newBody], [{ name: '_start', kind: 'memory' }])).toMatch(/received a memory/);
    const type: FunctionFace = { params: ['i32'], results: [] };
    expect(judge([newBody], [{ ...start, type }])).toMatch(/received \(i32\) -> \(\)/);
  });

  test('cannot mix its functions with those of Terrarium', () => {
    const hostcall = imported('env', 'hostcall_debug', 'i32', 'i32');
    expect(judge([newBody, hostcall])).toMatch(
      /cannot mix the hostcalls of Terrarium with those of Fastly Compute/,
    );
  });

  test('finds whatever it imports', () => {
    const binding = catalogue.abis.get('fastly')?.bind({
      memory: undefined as never,
      cpuMs: 0,
      core: () => undefined as never,
      callBeside: async () => undefined,
      runBeside: (work) => work(),
      wait: (work) => work,
      mayGoOn: () => true,
      afterTurn: () => Promise.resolve(),
      nested: () => () => undefined as never,
      exportedFunction: () => undefined,
      tableFunction: () => undefined,
      callGuest: () => undefined,
      trap: (reason) => {
        throw new Error(reason);
      },
      exit: () => {
        throw new Error('exit');
      },
    });
    const found = (module: string, name: string) => binding?.hostcall({ module, name });
    expect(found('fastly_http_body', 'new')?.facts?.name).toBe('new');
    expect(found('wasi_snapshot_preview1', 'args_get')?.facts?.name).toBe('args_get');
    expect(found('fastly_quantum', 'entangle')?.call()).toBe(5);
    expect(found('env', 'abort')).toBeUndefined();
    expect(found('wasi_snapshot_preview1', 'nope')).toBeUndefined();
  });
});
