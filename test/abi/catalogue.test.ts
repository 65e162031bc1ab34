import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FunctionFace, ModuleFace } from '../../src/abi/abi.ts';
import { createCatalogue } from '../../src/abi/catalogue.ts';
import { compilerImportTypes, hostcallTypes } from '../../src/abi/terrarium/signatures.ts';
import { defaultLimits } from '../../src/config/config.ts';
import { faceOf } from '../support/abi-host.ts';

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
    const names = [...(binding?.imports.get('env')?.keys() ?? [])];
    const wanted = [...hostcallTypes.keys(), ...compilerImportTypes.keys()];
    expect(names.sort()).toEqual(wanted.sort());
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
      { module: 'wasi_snapshot_preview1', name: 'fd_write', kind: 'function' },
      env('memory', { kind: 'memory', type: undefined }),
      { module: '__proto__', name: 'constructor', kind: 'function' },
      { module: 'env', name: '__proto__', kind: 'function' },
    ]);
    expect(reason).toMatch(/^Cannot run the module: /);
    expect(reason).toContain('unknown import "env" "hostcall_nope" (function)');
    expect(reason).toContain('unknown import "wasi_snapshot_preview1" "fd_write" (function)');
    expect(reason).toContain('unknown import "env" "memory" (memory)');
    expect(reason).toContain('unknown import "__proto__" "constructor" (function)');
    expect(reason).toContain('unknown import "env" "__proto__" (function)');
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

  test('with both kinds of imports `run` decides', () => {
    const both = [wasiImport, env('hostcall_debug')];
    expect(judge(both, [runExport, startExport])).toContain('unknown import');
    expect(judge(both, [startExport])).toContain('unknown import "env" "hostcall_debug"');
  });

  test('a WASI command that also exports a function named run stays one', () => {
    expect(judge([wasiImport], [runExport, startExport])).toBe('wasip1 _start');
  });

  test('another WASI is named', () => {
    const other = { ...wasiImport, module: 'wasi_snapshot_preview2' };
    expect(judge([other], [])).toContain(
      'WASI of another version: received "wasi_snapshot_preview2"',
    );
  });

  test('a module of nobody hears what is expected and what it has', () => {
    expect(judge([], [{ name: 'add', kind: 'function' }])).toBe(
      'Cannot run the module: no known ABI: expected an export `run` and imports ' +
        '`env.hostcall_*`: received exports "add"',
    );
    expect(judge([], [])).toContain('received exports none');
    const many = Array.from({ length: 50_000 }, (_, index) => ({
      name: `f${index}`,
      kind: 'function' as const,
    }));
    expect(judge([], many)).toMatch(/"f9", …$/);
  });
});
