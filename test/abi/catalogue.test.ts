import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FunctionFace, ModuleFace } from '../../src/abi/abi.ts';
import { createCatalogue } from '../../src/abi/catalogue.ts';
import { defaultLimits } from '../../src/config/config.ts';
import { faceOf } from '../support/abi-host.ts';
import { compilerImportTypes, hostcallTypes } from '../support/hostcall-faces.ts';

const guestsFolder = join(import.meta.dirname, '../guests');
const catalogue = createCatalogue(defaultLimits);

type Import = ModuleFace['imports'][number];
type Export = ModuleFace['exports'][number];

const NOTHING: FunctionFace = { params: [], results: [] };
const runExport: Export = { name: 'run', kind: 'function', type: NOTHING };

function env(name: string, more: Partial<Import> = {}): Import {
  const type = hostcallTypes.get(name) ?? compilerImportTypes.get(name) ?? NOTHING;
  return { module: 'env', name, kind: 'function', type, ...more };
}

function judge(imports: readonly Import[], exports: readonly Export[] = [runExport]): string {
  const verdict = catalogue.judgeModule({ imports, exports });
  return verdict.kind === 'speaks' ? `${verdict.abi} ${verdict.entry}` : verdict.reason;
}

function judgeGuest(name: string): string {
  const verdict = catalogue.judgeModule(faceOf(readFileSync(join(guestsFolder, `${name}.wasm`))));
  return verdict.kind === 'speaks' ? `${verdict.abi} ${verdict.entry}` : verdict.reason;
}

describe('a Terrarium guest', () => {
  test('may import every one of the 32 hostcalls', () => {
    expect(hostcallTypes.size).toBe(32);
    expect(judge([...hostcallTypes.keys()].map((name) => env(name)))).toBe('terrarium run');
  });

  test('finds an answer for whatever it may import', () => {
    const abi = catalogue.abis.get('terrarium');
    const binding = abi?.bind({
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
    for (const name of [...hostcallTypes.keys(), ...compilerImportTypes.keys()]) {
      const found = binding?.hostcall({ module: 'env', name });
      expect([name, found?.facts?.name]).toEqual([name, name]);
    }
    expect(binding?.hostcall({ module: 'env', name: 'hostcall_nope' })).toBeUndefined();
    expect(binding?.hostcall({ module: '__proto__', name: 'constructor' })).toBeUndefined();
  });

  test('may import nothing at all', () => {
    expect(judge([])).toBe('terrarium run');
  });

  test('may have what compilers add', () => {
    const imports = [env('emscripten_notify_memory_growth'), env('abort')];
    expect(judge(imports)).toBe('terrarium run');
  });

  test.each([
    'hello',
    'no-imports',
    'as-abort',
    'emscripten-notify',
    'private-memory',
    'start-section',
  ])('%s is one', (name) => {
    expect(judgeGuest(name)).toBe('terrarium run');
  });
});

describe('refused, naming what is at fault', () => {
  test('all unknown imports at once', () => {
    const reason = judge([
      env('hostcall_nope'),
      { module: 'env', name: 'system', kind: 'function' },
      env('memory', { kind: 'memory', type: undefined }),
      { module: '__proto__', name: 'constructor', kind: 'function' },
      { module: 'env', name: '__proto__', kind: 'function' },
    ]);
    expect(reason).toMatch(/^Cannot run the module: /);
    expect(reason).toContain('unknown import "env" "hostcall_nope" (function)');
    expect(reason).toContain('unknown import "env" "system" (function)');
    expect(reason).toContain('unknown import "env" "memory" (memory)');
    expect(reason).toContain('unknown import "__proto__" "constructor" (function)');
    expect(reason).toContain('unknown import "env" "__proto__" (function)');
  });

  test.each([
    ['seed', 'call hostcall_rng_next_u64 instead of Math.random()'],
    ['Date.now', 'call hostcall_time_now instead'],
    ['console.log', 'call hostcall_debug instead'],
    ['trace', 'call hostcall_debug instead'],
  ])('%s of AssemblyScript, and the hostcall for it', (name, advice) => {
    expect(judge([{ module: 'env', name, kind: 'function' }])).toContain(
      `unknown import "env" "${name}" (function), ${advice}`,
    );
  });

  test('an import name cannot forge a line of the log', () => {
    const reason = judge([env('hostcall_a\nb\u001b[2J')]);
    expect(reason).toContain('"hostcall_a\\nb\\u001b[2J"');
    expect(reason).not.toContain('\n');
  });

  test('a thousand unknown imports by the first hundred and their count', () => {
    const imports = Array.from({ length: 1_000 }, (_, index) => env(`hostcall_x${index}`));
    const reason = judge(imports);
    expect(reason).toContain('"hostcall_x99"');
    expect(reason).not.toContain('"hostcall_x100"');
    expect(reason).toMatch(/; and 900 more$/);
  });

  test('a hostcall imported as something else', () => {
    const reason = judge([env('hostcall_debug', { kind: 'global', type: undefined })]);
    expect(reason).toBe(
      'Cannot run the module: import "env" "hostcall_debug": ' +
        'expected a function (i32 i32) -> (): received a global',
    );
  });

  test.each([...hostcallTypes.keys()])('%s with one parameter too many', (name) => {
    const type = hostcallTypes.get(name) ?? NOTHING;
    const longer = { params: [...type.params, 'i32'], results: type.results };
    const received = `(${longer.params.join(' ')}) -> (${longer.results.join(' ')})`;
    expect(judge([env(name, { type: longer })])).toContain(`received ${received}`);
  });

  test('an i64 result received as i32', () => {
    const type = { params: [], results: ['i32'] };
    expect(judge([env('hostcall_rng_next_u64', { type })])).toContain(
      'expected a function () -> (i64): received () -> (i32)',
    );
  });

  test('run missing, of another kind, of another type', () => {
    expect(judge([env('hostcall_debug')], [])).toBe(
      'Cannot run the module: no export `run`: expected a function () -> ()',
    );
    expect(judge([], [{ name: 'run', kind: 'memory' }])).toContain('received a memory');
    const type = { params: ['i32'], results: [] };
    expect(judge([], [{ name: 'run', kind: 'function', type }])).toContain(
      'export `run`: expected a function () -> (): received (i32) -> ()',
    );
  });

  test('an allocator that cannot be called', () => {
    const malloc: Export = { name: 'default_malloc_impl', kind: 'function', type: NOTHING };
    expect(judge([], [runExport, malloc])).toContain(
      'export `default_malloc_impl`: expected a function (i32) -> (i32): received () -> ()',
    );
  });

  test('the old AssemblyScript library, and what to do', () => {
    const reason = judgeGuest('http_guest');
    expect(reason).toContain('`http_guest`');
    expect(reason).toContain('import the hostcalls from `env`');
  });

  test.each([
    ['imports-unknown', ['"env" "nope"', '"wasi" "x"']],
    ['imports-proto', ['"__proto__" "constructor"', '"env" "toString"', '"constructor"']],
    ['imports-memory', ['"env" "memory" (memory)']],
    ['imports-wrong-type', ['hostcall_resp_set_body', '(i32 i32 i32) -> (i32)']],
    ['no-run', ['run']],
    ['run-wrong-type', ['`run`']],
    ['run-not-a-function', ['`run`']],
  ] as const)('the guest %s', (name, parts) => {
    const reason = judgeGuest(name);
    for (const part of parts) expect(reason).toContain(part);
  });
});

describe('the choice between ABIs', () => {
  const wasiImport: Import = {
    module: 'wasi_snapshot_preview1',
    name: 'sched_yield',
    kind: 'function',
  };
  const startExport: Export = { name: '_start', kind: 'function', type: NOTHING };

  test('a WASI command is one', () => {
    expect(judge([wasiImport], [startExport])).toBe('wasip1 _start');
  });

  test('both kinds of imports are one too many, whatever the entry', () => {
    const both = [wasiImport, env('hostcall_debug')];
    for (const exports of [[runExport], [startExport], [runExport, startExport], []]) {
      expect(judge(both, exports)).toMatch(
        /cannot mix the hostcalls of Terrarium with WASI.*sched/,
      );
    }
  });

  test('a WASI command that also exports a function named run stays one', () => {
    expect(judge([wasiImport], [runExport, startExport])).toBe('wasip1 _start');
  });

  test('a reactor may call its entry run, as a Terrarium guest does', () => {
    const initialize: Export = { ...startExport, name: '_initialize' };
    const handle: Export = { ...startExport, name: 'handle' };
    expect(judge([wasiImport], [initialize, runExport])).toBe('wasip1 run');
    expect(judge([], [initialize, runExport])).toBe('wasip1 run');
    expect(judge([wasiImport], [handle, runExport])).toBe('wasip1 handle');
    expect(judge([env('hostcall_debug')], [initialize, runExport])).toBe('terrarium run');
    expect(judge([], [runExport])).toBe('terrarium run');
  });

  test('another WASI is named', () => {
    const other = { ...wasiImport, module: 'wasi_snapshot_preview2' };
    expect(judge([other], [])).toMatch(
      /WASI of another version: .*wasm32-wasip1.*"wasi_snapshot_preview2\.sched_yield"/,
    );
  });

  test('a module of nobody hears what is expected and what it has', () => {
    const strange = { ...wasiImport, module: 'host' };
    const reason = judge([strange], [{ name: 'add', kind: 'function' }]);
    expect(reason).toContain('no known ABI');
    for (const part of ['WASI preview1', '`_start`', '`run`', '`env.hostcall_*`']) {
      expect(reason).toContain(part);
    }
    expect(reason).toMatch(/received imports "host\.sched_yield"; exports "add"$/);
    expect(judge([], [])).toContain('received imports none; exports none');
    const many = Array.from({ length: 50_000 }, (_, index) => ({
      name: `f${index}`,
      kind: 'function' as const,
    }));
    expect(judge([], many)).toMatch(/"f9", and 49990 more$/);
  });
});

describe('modules of other hosts are named, with what to build instead', () => {
  const foreign = (module: string, name: string): Import => ({ module, name, kind: 'function' });
  const wasi = foreign('wasi_snapshot_preview1', 'fd_write');
  const named = (name: string): Export => ({ name, kind: 'function', type: NOTHING });

  test.each([
    ['Extism', [foreign('extism:host/env', 'input_length'), wasi], /an Extism plug-in/],
    ['waPC', [foreign('wapc', '__guest_request'), wasi], /a waPC guest/],
    ['Proxy-Wasm', [env('proxy_log'), wasi], /Proxy-Wasm/],
    ['wasm-bindgen', [foreign('__wbindgen_placeholder__', '__wbg_log_1')], /wasm32-wasip1/],
    ['its bundler', [foreign('./app_bg.js', '__wbg_log_1')], /wasm-bindgen/],
    ['its web', [foreign('wbg', '__wbindgen_throw')], /wasm-bindgen/],
    ['Go for browsers', [foreign('gojs', 'runtime.wasmExit')], /GOOS=wasip1/],
    ['WASIX', [foreign('wasix_32v1', 'fd_dup'), wasi], /a WASIX program/],
    ['Emscripten', [env('invoke_vii'), env('__cxa_throw'), wasi], /-sSTANDALONE_WASM/],
    ['Emscripten made small', [foreign('a', 'a'), foreign('a', 'b')], /-sSTANDALONE_WASM/],
    ['AssemblyScript', [env('abort')], /AssemblyScript without WASI.*wasi-shim/],
  ])('%s', (_what, imports, expected) => {
    const reason = judge(imports, [named('_initialize'), named('add')]);
    expect(reason).toMatch(expected);
    expect(reason).toContain('received imports "');
  });

  test('a waPC guest without imports', () => {
    expect(judge([], [named('__guest_call')])).toMatch(/a waPC guest/);
  });

  test('a program may have what they have in common with one of ours', () => {
    expect(judge([env('abort')], [runExport])).toBe('terrarium run');
    expect(judge([wasi, env('emscripten_notify_memory_growth')], [named('_start')])).toBe(
      'wasip1 _start',
    );
  });
});
