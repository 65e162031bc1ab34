/**
 * `node bench/publish.ts FILE…`: writes what `npm run bench -- --json FILE` measured into
 * docs/performance.md and the table of the README. A group that stands in several files is taken
 * from the last. Touches both documents.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readScriptLine } from '../scripts/command-line.ts';
import { markedParts, replaceMarkedPart } from '../scripts/marked-part.ts';
import {
  formatNumber,
  goalRule,
  isMeasured,
  type Machine,
  meetsGoal,
  type Report,
  type Row,
} from './report.ts';

const kind = 'measured';
/** The name of a group, with the machine that it was measured on. */
type Measured = ReadonlyMap<string, { readonly rows: readonly Row[]; readonly from: Report }>;

/** Rows that tell a reader of the README most, by name. */
const summary: readonly string[] = [
  'daemon against an empty server',
  'CGI guest against an empty server',
  'HTTPS against plain HTTP',
  'restoring against a new instance',
  'daemon against wasmtime serve, fresh state each',
  'Rust, WASI 0.2: against wasmtime serve',
  'Rust, WASI 0.3: against wasmtime serve',
  'JavaScript: against wasmtime serve',
  'Python: against wasmtime serve',
  "JavaScript kit against the vendor's server",
  "Rust kit against the vendor's server",
  "Go kit against the vendor's server",
];

export function readMeasured(reports: readonly Report[]): Measured {
  return new Map(
    reports.flatMap((from) => from.groups.map(({ name, rows }) => [name, { rows, from }])),
  );
}

/** The document with each marked part that was measured written anew. */
export function publish(text: string, measured: Measured): string {
  let published = text;
  for (const name of markedParts(text, kind)) {
    const lines = name === 'summary' ? summaryLines(measured) : groupLines(name, measured);
    if (lines !== undefined) published = replaceMarkedPart(published, { kind, name }, lines);
  }
  return published;
}

function summaryLines(measured: Measured): readonly string[] {
  const rows = [...measured.values()].flatMap((group) => group.rows);
  return table(
    summary.flatMap((name) => rows.filter((row) => row.name === name)),
    'short',
  );
}

/** Undefined where the group was not measured: then what stands there stays. */
function groupLines(name: string, measured: Measured): readonly string[] | undefined {
  const group = measured.get(name);
  if (group === undefined || !group.rows.some(isMeasured)) return undefined;
  return [...table(group.rows, 'whole'), '', describe(group.from)];
}

function table(rows: readonly Row[], form: 'short' | 'whole'): readonly string[] {
  const columns = form === 'whole' ? ['', 'Median', 'Goal'] : ['', 'Median'];
  const line = (cells: readonly string[]): string =>
    `| ${cells.slice(0, columns.length).join(' | ')} |`;
  return [
    line(columns),
    `|${'---|'.repeat(columns.length)}`,
    ...rows.filter(isMeasured).map((row) => line([row.name, amountOf(row), goalOf(row)])),
  ];
}

function amountOf({ value, unit }: Row): string {
  const grouped = value >= 1_000 ? Math.round(value).toLocaleString('en') : formatNumber(value);
  return unit === 'x' ? `${grouped} ×` : `${grouped} ${unit}`.trim();
}

function goalOf(row: Row): string {
  if (row.goal === undefined) return '';
  return meetsGoal(row) ? goalRule(row.goal) : `**missed**: ${goalRule(row.goal)}`;
}

function describe({ machine, rounds, seconds }: Report): string {
  return `${rounds} rounds of ${seconds} s. ${describeMachine(machine)}`;
}

function describeMachine({ processor, cores, node, load, generator, isPinned }: Machine): string {
  const placed = isPinned ? 'server and generator on a core each' : 'not pinned';
  const programs = `Node.js ${node}, ${generator}`;
  return `${processor}, ${cores} cores, ${placed}; ${programs}; load ${load.toFixed(1)}.`;
}

if (import.meta.main) {
  const { rest: files } = readScriptLine({
    command: 'node bench/publish.ts',
    about: 'Writes what FILEs of the bench hold (--json) into docs/performance.md and the README.',
    flags: {},
    rest: { usage: 'FILE…', min: 1, max: 100 },
  });
  const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  const measured = readMeasured(reports);
  for (const document of ['../docs/performance.md', '../README.md']) {
    const file = fileURLToPath(new URL(document, import.meta.url));
    writeFileSync(file, publish(readFileSync(file, 'utf8'), measured));
  }
}
