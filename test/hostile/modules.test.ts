import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createCatalogue } from '../../src/abi/catalogue.ts';
import { defaultLimits } from '../../src/config/config.ts';
import { buildArtifact } from '../../src/deploy/build/artifact.ts';
import {
  bytesOf,
  header,
  importOf,
  leb,
  moduleExporting,
  runCode,
  runExport,
  runFunction,
  runType,
  section,
} from '../deploy/wasm-bytes.ts';
import { guestBytes } from '../support/folder.ts';

const catalogue = createCatalogue(defaultLimits);

/** Why the module is refused; `accepted` when it is not. */
function judge(bytes: Uint8Array): string {
  try {
    const { judgeModule, judgeComponent } = catalogue;
    const options = { limits: defaultLimits, judge: judgeModule, judgeComponent };
    buildArtifact(Uint8Array.from(bytes), options);
    return 'accepted';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'module-refused') {
      return error.message;
    }
    throw error;
  }
}

const hello = guestBytes('hello');
const text = (content: string) => new TextEncoder().encode(content);
const raw = (...bytes: number[]) => Uint8Array.from(bytes);

const minimal = bytesOf(header, runType, runFunction, runExport, runCode);
const withMemory = (...limits: number[]) =>
  bytesOf(header, runType, runFunction, section(5, [1, ...limits]), runExport, runCode);
const withTable = (...limits: number[]) =>
  bytesOf(header, runType, runFunction, section(4, [1, 0x70, ...limits]), runExport, runCode);
const withBody = (...body: number[]) =>
  bytesOf(header, runType, runFunction, runExport, section(10, [1, body.length, ...body]));
const withImport = (...entry: number[]) =>
  bytesOf(header, runType, section(2, [1, ...entry]), runFunction, runExport, runCode);

const noModule = /^Cannot read the module: a WebAssembly module of version 1 or a component is /;
const table: readonly (readonly [what: string, bytes: Uint8Array, reason: RegExp])[] = [
  ['an empty file', raw(), /received an empty file/],
  ['seven bytes', raw(...header.slice(0, 7)), /received 7 bytes; the copy may not have finished/],
  ['the bare header', raw(...header), /^Cannot run the module: no known ABI: .* exports none/],
  ['bad magic', raw(0, 0x61, 0x73, 0x6e, 1, 0, 0, 0), /received 8 bytes beginning 0x00 0x61/],
  ['bad version', raw(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), /received version bytes 0x02/],
  [
    'a component',
    raw(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0),
    /answers no requests: one that does exports `wasi:http\/handler@0\.3\.0`/,
  ],
  ['gzip', gzipSync(hello), /received a gzip file; put the unpacked \.wasm/],
  ['an ELF program', raw(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0), /received an ELF file/],
  ['text', text('hello, not a module\n'), /received text/],
  ['WebAssembly text', text('(module (func (export "run")))\n'), /received WebAssembly text/],
  ['an error page', text('<!doctype html><p>404'), /received HTML or XML/],
  ['zeros, as a crashed copy leaves', new Uint8Array(4_096), noModule],
  ['half of a module', hello.subarray(0, hello.length >> 1), /must be complete|must fit the file/],
  ['all but the last byte', hello.subarray(0, -1), /must fit the file, which may be cut short/],
  ['garbage behind the end', raw(...hello, 0x99, 1, 2), /sections must be known: received id 0x99/],
  ['zeros behind the end', raw(...hello, 0, 0, 0), /^Cannot read the module: /],
  ['imports nobody has', guestBytes('imports-unknown'), /unknown import .*nope.*unknown import/],
  ['imports named like object parts', guestBytes('imports-proto'), /unknown import .*__proto__/],
  ['an import of another type', guestBytes('imports-wrong-type'), /expected a function .*received/],
  ['an imported memory', guestBytes('imports-memory'), /unknown import .* \(memory\)/],
  [
    'an imported global',
    withImport(...importOf('env', 'g'), 3, 0x7f, 1),
    /unknown import .*global/,
  ],
  [
    'an imported table',
    withImport(...importOf('env', 't'), 1, 0x70, 0, 1),
    /unknown import .*table/,
  ],
  ['the old AssemblyScript library', guestBytes('http_guest'), /import the hostcalls from `env`/],
  ['no entry', guestBytes('no-run'), /no export `run`: expected a function/],
  ['an entry that is no function', guestBytes('run-not-a-function'), /received a global/],
  ['an entry with parameters', guestBytes('run-wrong-type'), /expected .* received \(i32\)/],
  ['a table of 10 million entries', withTable(0, ...leb(10_000_000)), /at most 100000 entries/],
  ['a memory of 512 MiB', withMemory(0, ...leb(8_192)), /at most 2048 pages .* received 8192/],
  ['a memory of 4 GiB', withMemory(0, ...leb(65_536)), /at most 2048 pages .* received 65536/],
  ['a 64-bit memory above the limit', withMemory(4, ...leb(100_000)), /at most 2048 pages/],
  ['a shared memory', withMemory(3, 1, 1), /build without threads: received a shared memory/],
  ['a section twice', bytesOf(header, runType, runType), /once and in order: received id 1/],
  ['sections out of order', bytesOf(header, runFunction, runType), /once and in order/],
  ['declared functions without code', bytesOf(header, runType, runFunction), /need a body/],
  ['an unknown section', raw(...minimal, ...section(77, [1])), /sections must be known/],
  ['a section beyond the end', raw(...header, 1, 0xff, 0xff, 0xff, 0x0f), /must fit the file/],
  ['a number that never ends', raw(...header, 1, ...Array(9).fill(0x80), 1), /at most 32 bits/],
  ['a count of 268 million types', bytesOf(header, section(1, leb(0xfffffff))), /at most 100000/],
  [
    'an export of function 5 of 1',
    moduleExporting('run', { index: 5 }),
    /must exist: received number 5/,
  ],
  [
    'names that are not UTF-8',
    moduleExporting('\uffff\ufffe', { encoding: 'latin1' }),
    /names are UTF-8/,
  ],
  ['two exports of one name', moduleExporting('run', { times: 2 }), /Duplicate export name/],
  ['a body with a wrong type', withBody(0, 0x41, 0, 0x0b), /must be valid WebAssembly: .*fallthru/],
  ['a body that ends in the middle', withBody(0, 0x20, 0x0b), /a body ends with its last end/],
  ['60000 locals', withBody(1, ...leb(60_000), 0x7f, 0x0b), /at most 50000 locals/],
  ['an unknown instruction', withBody(0, 0xff, 0x0b), /instructions must be known/],
];

describe('hostile modules', () => {
  test('what the others are made from is accepted', () => {
    expect(judge(minimal)).toBe('accepted');
    expect(judge(hello)).toBe('accepted');
    expect(judge(withMemory(0, 1))).toBe('accepted');
    expect(judge(withTable(0, 1))).toBe('accepted');
    expect(judge(withBody(0, 0x41, 0, 0x1a, 0x0b))).toBe('accepted');
    expect(judge(moduleExporting('run'))).toBe('accepted');
  });

  test.each(table)('%s', (_, bytes, reason) => {
    expect(judge(bytes)).toMatch(reason);
  });

  test('every reason reads "Cannot …: …" on one line that a terminal can show', () => {
    const hostile = moduleExporting('run\u001b[2J\u202e\n', { times: 2 });
    for (const bytes of [...table.map(([, each]) => each), hostile]) {
      expect(judge(bytes)).toMatch(
        /^Cannot (?:read|run|accept) the (?:module|component): [\x20-\x7e…]+$/,
      );
    }
  });

  test('no start of a good module is accepted before its code is whole', () => {
    // From there on only waiting tells: a cut between two sections may be valid.
    const whole = Array.from({ length: hello.length }, (_, length) => length).filter(
      (length) => judge(hello.subarray(0, length)) === 'accepted',
    );
    expect(whole.length).toBeLessThanOrEqual(1);
  });
});

const shared = join(import.meta.dirname, '../../../shared/guests/hostile');
describe.skipIf(!existsSync(shared))('the hostile guests beside the checkout', () => {
  const accepted = new Set(['terra-evil-malloc', 'terra-loop', 'terra-req-flood']);
  const names = existsSync(shared)
    ? readdirSync(shared).filter((each) => /\.wasm$/.test(each))
    : [];

  test.each(names)('%s has a verdict', (file) => {
    const verdict = judge(readFileSync(join(shared, file)));
    if (accepted.has(file.replace('.wasm', ''))) expect(verdict).toBe('accepted');
    // Others speak WASI: they may be served one day, but never crash the judge.
    else
      expect(verdict).toMatch(
        /^(?:accepted|Cannot (?:read|run|accept) the (?:module|component): .+)$/,
      );
  });

  const refused = [
    'bad-magic',
    'bad-version',
    'component-header',
    'corrupt-code',
    'elf',
    'empty-module-8-bytes',
    'gzipped',
    'header-only-7-bytes',
    'huge-table',
    'memory-64k-pages',
    'memory-8k-pages',
    'no-known-abi',
    'shared-memory',
    'start-not-a-function',
    'start-takes-params',
    'text-file',
    'trailing-garbage',
    'truncated-half',
    'truncated-last-byte',
    'wat-text',
    'wrong-import-type',
    'zero-length',
  ];
  test.each(refused)('%s is refused', (name) => {
    expect(judge(readFileSync(join(shared, `${name}.wasm`)))).toMatch(/^Cannot/);
  });
});
