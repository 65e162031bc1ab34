import { describe, expect, test } from 'vitest';
import type { FunctionFace, ModuleFace } from '../../../src/abi/abi.ts';
import { createCatalogue } from '../../../src/abi/catalogue.ts';
import { faceOf } from '../../../src/abi/hostcall.ts';
import { handlerHostcalls } from '../../../src/abi/http-wasm/table.ts';
import { defaultLimits } from '../../../src/config/config.ts';

const catalogue = createCatalogue(defaultLimits);
const entries: readonly (readonly [string, FunctionFace])[] = [
  ['handle_request', { params: [], results: ['i64'] }],
  ['handle_response', { params: ['i32', 'i32'], results: [] }],
];

type Import = ModuleFace['imports'][number];
type Export = ModuleFace['exports'][number];

const exported = (name: string, type?: FunctionFace): Export => ({ name, kind: 'function', type });
const both = entries.map(([name, type]) => exported(name, type));
const uri: Import = {
  ...{ module: 'http_handler', name: 'get_uri', kind: 'function' },
  type: { params: ['i32', 'i32'], results: ['i32'] },
};
const wasi: Import = {
  ...{ module: 'wasi_snapshot_preview1', name: 'fd_write', kind: 'function' },
  type: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
};

function judge(imports: readonly Import[], exports: readonly Export[]): string {
  const verdict = catalogue.judgeModule({ imports, exports });
  return verdict.kind === 'speaks' ? `${verdict.abi} ${verdict.entry}` : verdict.reason;
}

describe('handlers of http-wasm', () => {
  test('all functions of the ABI may be imported, beside those of WASI', () => {
    const all = [...handlerHostcalls.values()].map((declared) => ({
      ...{ module: 'http_handler', name: declared.name, kind: 'function' as const },
      type: faceOf(declared),
    }));
    expect(all).toHaveLength(19);
    const start = exported('_start', { params: [], results: [] });
    expect(judge([...all, wasi], [...both, start])).toBe('http-wasm handle_request');
    expect(judge([], both)).toBe('http-wasm handle_request');
  });

  test('without its entries a program stays a program', () => {
    const start = exported('_start', { params: [], results: [] });
    expect(judge([wasi], [start])).toBe('wasip1 _start');
    expect(judge([wasi], [start, ...both.slice(0, 1)])).toBe('wasip1 _start');
  });

  test('what is wrong is named, all of it', () => {
    const strange: Import = { module: 'http_handler', name: 'fly', kind: 'function' };
    const reason = judge(
      [strange, { ...uri, type: { params: [], results: [] } }],
      both.slice(0, 1),
    );
    expect(reason).toContain('unknown import "http_handler" "fly"');
    expect(reason).toContain(
      '"get_uri": expected a function (i32 i32) -> (i32): received () -> ()',
    );
    expect(reason).toContain('no export `handle_response`: expected a function (i32 i32) -> ()');
    const other = exported('handle_request', { params: [], results: ['i32'] });
    expect(judge([uri], [other, ...both.slice(1)])).toContain('received () -> (i32)');
  });

  test('it does not mix with other ABIs', () => {
    const hostcall: Import = { module: 'env', name: 'hostcall_debug', kind: 'function' };
    expect(judge([uri, hostcall], both)).toContain('Cannot run the module');
    const fastly: Import = {
      module: 'fastly_http_req',
      name: 'body_downstream_get',
      kind: 'function',
    };
    expect(judge([uri, fastly], both)).toContain('Cannot run the module');
  });
});
