/**
 * Writes the tables of hostcalls in docs/guests, which are made from what the ABIs declare. A test
 * compares; run this after a change of a declaration: `node scripts/hostcall-tables.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fastlyModules } from '../src/abi/fastly/table.ts';
import type { HostcallFacts, Value, ValueType } from '../src/abi/hostcall.ts';
import { handlerHostcalls } from '../src/abi/http-wasm/table.ts';
import { clockHostcalls } from '../src/abi/terrarium/clock.ts';
import { dnsHostcalls } from '../src/abi/terrarium/dns.ts';
import { initMm } from '../src/abi/terrarium/init-mm.ts';
import { keyValueHostcalls } from '../src/abi/terrarium/keyvalue.ts';
import { logHostcalls } from '../src/abi/terrarium/log.ts';
import { outboundHostcalls } from '../src/abi/terrarium/outbound.ts';
import { pendingHostcalls } from '../src/abi/terrarium/pending.ts';
import { randomHostcalls } from '../src/abi/terrarium/random.ts';
import { requestHostcalls } from '../src/abi/terrarium/request.ts';
import { fetchedHostcalls, outgoingHostcalls } from '../src/abi/terrarium/response.ts';
import { compilerHostcalls } from '../src/abi/wasip1/compilers.ts';
import { httpHostcalls } from '../src/abi/wasip1/send-http.ts';
import { preview1Hostcalls } from '../src/abi/wasip1/table.ts';
import { readScriptLine } from './command-line.ts';
import { componentTables } from './hostcall-tables/components.ts';
import { replaceMarkedPart } from './marked-part.ts';

type Render = () => readonly string[];

/** Path from the root of the repository → name of a table → its lines. */
const tables: ReadonlyMap<string, ReadonlyMap<string, Render>> = new Map([
  [
    'docs/guests/README.md',
    new Map<string, Render>([
      ['request', () => terrariumTable(requestHostcalls)],
      ['answer', () => terrariumTable(outgoingHostcalls)],
      [
        'outbound',
        () => terrariumTable([...outboundHostcalls, ...pendingHostcalls, ...fetchedHostcalls]),
      ],
      ['keyvalue', () => terrariumTable(keyValueHostcalls)],
      [
        'rest',
        () =>
          terrariumTable([
            ...randomHostcalls,
            ...clockHostcalls,
            ...dnsHostcalls,
            ...logHostcalls,
            ...initMm,
          ]),
      ],
    ]),
  ],
  [
    'docs/guests/wasi.md',
    new Map<string, Render>([
      ['preview1', () => wasiTable([...preview1Hostcalls.values()])],
      ['beside', () => wasiTable([...httpHostcalls, ...compilerHostcalls])],
    ]),
  ],
  ['docs/guests/fastly.md', new Map<string, Render>([['fastly', fastlyTables]])],
  [
    'docs/guests/http-wasm.md',
    new Map<string, Render>([['http-wasm', () => terrariumTable([...handlerHostcalls.values()])]]),
  ],
  ['docs/guests/components.md', new Map<string, Render>([['components', componentTables]])],
]);

/** Path from the root → the document as it should be, made from what it is in `root`. */
export function renderHostcallDocuments(root: string): ReadonlyMap<string, string> {
  const documents = new Map<string, string>();
  for (const [file, sections] of tables) {
    let text = readFileSync(path.join(root, file), 'utf8');
    for (const [name, render] of sections) {
      text = replaceMarkedPart(text, { kind: 'hostcalls', name }, render());
    }
    documents.set(file, text);
  }
  return documents;
}

function terrariumTable(hostcalls: readonly HostcallFacts[]): readonly string[] {
  const rows = hostcalls.map(({ name, params, results, meaning, spec }) => [
    `\`${name.replace(/^hostcall_/, '')}\``,
    describeParams(params),
    results.map(describeResult).join(', '),
    meaning,
    spec,
  ]);
  const head = ['Name', 'Arguments', 'Result', '', 'Decisions'];
  const columns = hostcalls.some(({ spec }) => spec !== '') ? head.length : head.length - 1;
  return renderTable(
    head.slice(0, columns),
    rows.map((row) => row.slice(0, columns)),
  );
}

/** Where the functions of WASI are specified. */
const wasiDocument = 'https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md';

function wasiTable(hostcalls: readonly HostcallFacts[]): readonly string[] {
  const rows = hostcalls.map(({ name, params, results, meaning, spec }) => {
    const given = results.filter(([, type]) => type !== 'errno').map(([result]) => result);
    return [
      spec === '' ? `\`${name}\`` : `[\`${name}\`](${wasiDocument}${spec})`,
      [describeParams(params), ...given.map((result) => `→ ${result}`)].join(' ').trim(),
      meaning,
    ];
  });
  // Not padded: the addresses are long.
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [['Function', 'Arguments', ''], ['---', '---', '---'], ...rows].map(line);
}

function fastlyTables(): readonly string[] {
  return [...fastlyModules].flatMap(([module, functions]) => [
    `### \`${module}\``,
    '',
    ...fastlyTable([...functions.values()]),
    '',
  ]);
}

function fastlyTable(hostcalls: readonly HostcallFacts[]): readonly string[] {
  const rows = hostcalls.map(({ name, params, meaning, spec }) => [
    `[\`${name}\`](../spec/fastly.md${spec})`,
    describeParams(params),
    meaning,
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [['Function', 'Arguments', ''], ['---', '---', '---'], ...rows].map(line);
}

/** What stands for an address and what follows it. */
const pairs: ReadonlyMap<ValueType, (name: string) => string> = new Map([
  ['text', (name: string) => `${name} text`],
  ['bytes', (name: string) => `${name} bytes`],
  ['list', (name: string) => `${name} list`],
  ['handles', (name: string) => `${name} list`],
  ['sources', (name: string) => `${name} list`],
  ['targets', (name: string) => `${name} list`],
  ['room', (name: string) => `${name} bytes`],
  ['text_room', (name: string) => `${name} text`],
  ['out_text', () => 'out'],
  ['out_bytes', () => 'out'],
  ['out_list', () => 'out'],
  ['out_addresses', () => 'out'],
]);

const isOfPair: ReadonlySet<ValueType> = new Set(['length', 'count', 'out_length', 'out_filled']);

function describeParams(params: readonly Value[]): string {
  const words: string[] = [];
  for (const [name, type] of params) {
    if (isOfPair.has(type)) continue;
    words.push(pairs.get(type)?.(name) ?? name);
  }
  return words.join(', ');
}

function describeResult([name, type]: Value): string {
  if (type === 'status' || type === 'flag') return '0, 1';
  return type === 'number64' ? '`i64`' : name;
}

function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const widths = head.map((cell, column) =>
    Math.max(3, cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

if (import.meta.main) {
  readScriptLine({
    command: 'node scripts/hostcall-tables.ts',
    about: 'Writes the tables of hostcalls in docs/guests.',
    flags: {},
  });
  const root = path.dirname(import.meta.dirname);
  for (const [file, text] of renderHostcallDocuments(root)) {
    writeFileSync(path.join(root, file), text);
  }
}
