/**
 * What metering costs: each kernel original and metered, alternately, in fresh instances; the
 * fastest of each counts. Touches the thread's clock and, for guests that need WASI, node:wasi.
 */
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';
import { readScriptLine } from '../../scripts/command-line.ts';
import { openThreadClock } from '../../src/engine/turn/thread-clock.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { type MeteredModule, meterModule } from '../../src/wasm/meter.ts';
import { ReferenceHost } from '../../test/wasm/support/reference-host.ts';
import type { MeteringReport } from '../metering-rows.ts';

interface Kernel {
  readonly name: string;
  /** Outside the geometric mean: a shape no real program consists of. */
  readonly isReportedOnly?: boolean;
  readonly prepare: () => Pair | undefined;
}

/** Both forms of a program: each call runs it once and answers milliseconds. */
interface Pair {
  readonly original: () => number;
  readonly metered: () => number;
}

const { flags } = readScriptLine({
  command: 'node bench/meter/run.ts',
  about: 'What metering costs: each kernel original and metered, the fastest of each.',
  flags: {
    rounds: { kind: 'number', fallback: 15, min: 1, isWhole: true, means: 'Of each kernel' },
    cards: { kind: 'switch', means: 'The form that marks what it writes' },
    only: { kind: 'text', value: 'NAMES', means: 'Some of the kernels, with commas' },
    json: { kind: 'text', value: 'FILE', means: 'Where to write the ratios' },
  },
});
const { rounds } = flags;
const quantum = 1_000_000;

function readModule(path: URL): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(path));
}

function meter(bytes: Uint8Array<ArrayBuffer>): MeteredModule {
  return meterModule(bytes, inspectModule(bytes), { cards: flags.cards });
}

/** CPU time: other programs want the processor, and a program runs for longer than a slice. */
const readCpuMs = openThreadClock();

function timed(run: () => void): number {
  const startMs = readCpuMs();
  run();
  return readCpuMs() - startMs;
}

const kernelBytes = readModule(new URL('./kernels/kernels.wasm', import.meta.url));

function prepareKernel(name: string, size: number): Pair {
  const original = new WebAssembly.Instance(new WebAssembly.Module(kernelBytes));
  const host = new ReferenceHost(meter(kernelBytes), { quantum });
  const entry = original.exports[name];
  if (typeof entry !== 'function') throw new TypeError(`no kernel ${name}`);
  host.begin();
  if (entry(size) !== host.call(name, size)) throw new Error(`${name} answers otherwise`);
  return {
    original: () => timed(() => entry(size)),
    metered: () => timed(() => host.call(name, size)),
  };
}

const guests = new URL('../../../shared/guests/', import.meta.url);

/** A WASI command, run whole: new instance, input from a file, output to nowhere. */
function prepareCommand(
  path: string,
  input: string,
  env: Record<string, string>,
): Pair | undefined {
  const url = new URL(path, guests);
  if (!existsSync(url)) return undefined;
  const bytes = readModule(url);
  const metered = meter(bytes);
  const inputPath = join(mkdtempSync(join(tmpdir(), 'meter-')), 'input');
  writeFileSync(inputPath, input);
  const modules = [new WebAssembly.Module(bytes), new WebAssembly.Module(metered.bytes)] as const;
  const run = (instantiate: (imports: WebAssembly.Imports) => WebAssembly.Instance): number => {
    const stdin = openSync(inputPath, 'r');
    const stdout = openSync('/dev/null', 'w');
    const wasi = new WASI({ version: 'preview1', env, stdin, stdout, stderr: stdout });
    const instance = instantiate(wasi.getImportObject() as WebAssembly.Imports);
    const ms = timed(() => wasi.start(instance));
    closeSync(stdin);
    closeSync(stdout);
    return ms;
  };
  return {
    original: () => run((imports) => new WebAssembly.Instance(modules[0], imports)),
    metered: () =>
      run((imports) => {
        const host = new ReferenceHost(metered, { imports, quantum, module: modules[1] });
        host.begin();
        return host.instance;
      }),
  };
}

const sql = `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 20000)
  SELECT count(*) AS n, sum(x % 7) AS s FROM c;
CREATE TABLE t(a INTEGER, b TEXT);
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000)
  INSERT INTO t SELECT x * 7919 % 5003, 'row ' || x FROM c;
CREATE INDEX i ON t(a);
SELECT a, b FROM t WHERE a > 4900 ORDER BY b LIMIT 20;
SELECT count(*), max(b), group_concat(a % 3) FROM t WHERE b LIKE '%9%';`;

const markdown = `# Title\n\nA *long* paragraph with **bold**, \`code\`, [links](http://x.y "t") and
more text that goes on, & entities &amp; <span>html</span>.\n\n- one\n- two\n  1. three\n\n> quote\n
\`\`\`c\nint main(void) { return 0; }\n\`\`\`\n\n`;

const kernels: readonly Kernel[] = [
  { name: 'sqlite', prepare: () => prepareCommand('cgi-sqlite-c/cgi-sqlite-c.wasm', sql, {}) },
  {
    name: 'cmark',
    prepare: () => prepareCommand('cgi-md-cmark/cgi-md-cmark.wasm', markdown.repeat(3000), {}),
  },
  {
    name: 'sort (libc)',
    prepare: () => prepareCommand('bench-c/bench-c.wasm', '', { QUERY_STRING: 'op=sort&n=200000' }),
  },
  {
    name: 'sha256 (libc)',
    prepare: () => prepareCommand('bench-c/bench-c.wasm', '', { QUERY_STRING: 'op=sha&n=2000000' }),
  },
  { name: 'sort', prepare: () => prepareKernel('sort', 200_000) },
  { name: 'sha256', prepare: () => prepareKernel('sha256', 4_000_000) },
  { name: 'mandelbrot', prepare: () => prepareKernel('mandelbrot', 200) },
  { name: 'hashmap', prepare: () => prepareKernel('hashmap', 2_000_000) },
  { name: 'queens', prepare: () => prepareKernel('queens', 12) },
  { name: 'json', prepare: () => prepareKernel('json', 20_000) },
  { name: 'interpreter', prepare: () => prepareKernel('interpreter', 300_000) },
  { name: 'matrix', prepare: () => prepareKernel('matrix', 200) },
  { name: 'fib', isReportedOnly: true, prepare: () => prepareKernel('fib', 29) },
  { name: 'sieve', isReportedOnly: true, prepare: () => prepareKernel('sieve', 4_000_000) },
  { name: 'sum', isReportedOnly: true, prepare: () => prepareKernel('sum', 200_000) },
  { name: 'copy', isReportedOnly: true, prepare: () => prepareKernel('copy', 4_000_000) },
];

function measure(kernel: Kernel): number | undefined {
  const pair = kernel.prepare();
  if (pair === undefined) {
    console.log(`${kernel.name.padEnd(16)} skipped: ../shared/guests is absent`);
    return undefined;
  }
  // The first rounds run in V8's baseline tier.
  for (let i = 0; i < 4; i++) {
    pair.original();
    pair.metered();
  }
  let original = Number.POSITIVE_INFINITY;
  let metered = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) {
    original = Math.min(original, pair.original());
    metered = Math.min(metered, pair.metered());
  }
  const ratio = metered / original;
  const columns = [original.toFixed(2), metered.toFixed(2), ratio.toFixed(3)];
  console.log(kernel.name.padEnd(16) + columns.map((column) => column.padStart(10)).join(''));
  return ratio;
}

function main(): void {
  const only = flags.only?.split(',');
  const titles = ['original', 'metered', 'ratio'].map((title) => title.padStart(10));
  console.log('kernel'.padEnd(16) + titles.join(''));
  const ratios = new Map<string, number>();
  for (const kernel of kernels) {
    if (only !== undefined && !only.includes(kernel.name)) continue;
    const ratio = measure(kernel);
    if (ratio !== undefined) ratios.set(kernel.name, ratio);
  }
  const report = summarise(ratios);
  const { geometricMean, worst } = report;
  console.log(`geometric mean ${geometricMean.toFixed(3)}, worst ${worst.toFixed(3)}`);
  if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(report));
}

function summarise(ratios: ReadonlyMap<string, number>): MeteringReport {
  const reportedOnly = new Set(
    kernels.filter((kernel) => kernel.isReportedOnly === true).map(({ name }) => name),
  );
  const real = [...ratios].filter(([name]) => !reportedOnly.has(name)).map(([, ratio]) => ratio);
  const logs = real.reduce((sum, ratio) => sum + Math.log(ratio), 0);
  return {
    ratios: Object.fromEntries(ratios),
    geometricMean: Math.exp(logs / real.length),
    worst: Math.max(...real),
  };
}

main();
