/**
 * How fast modules are read and rewritten, and how long a large one takes until it can run. Touches
 * the file system.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCatalogue } from '../src/abi/catalogue.ts';
import { defaultLimits } from '../src/config/config.ts';
import { buildArtifact, moduleLimits } from '../src/deploy/build/artifact.ts';
import { SectionId } from '../src/wasm/binary/sections.ts';
import { ByteWriter } from '../src/wasm/binary/writer.ts';
import { inspectModule } from '../src/wasm/inspect.ts';
import { meterModule } from '../src/wasm/meter.ts';
import type { ModuleShape } from '../src/wasm/shape.ts';
import { median, type Row } from './report.ts';

const wantedBytes = 11_000_000;
const megabyte = 1_000_000;
const limits = { ...defaultLimits, functionsMax: 1_000_000 };
const own = fileURLToPath(new URL('../test/guests/hello.wasm', import.meta.url));
const sqlite = fileURLToPath(
  new URL('../../shared/guests/cgi-sqlite-c/cgi-sqlite-c.wasm', import.meta.url),
);

/** A section's entries, and how often all of them are there. */
interface Repeated {
  readonly count: number;
  readonly times: number;
}

/**
 * The guest in `bytes` with all its functions so many times that it has 11 MB, and with its data as
 * often, or as often as a module may have segments.
 */
function enlarge(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const shape = inspectModule(bytes);
  const { sections, data } = shape;
  const functionCount = shape.functionTypes.length - shape.importedFunctionCount;
  const dataTimesMax = Math.floor(moduleLimits(limits).segmentsMax / Math.max(1, data.length));
  const times = countCopies(shape, bytes.length, dataTimesMax);
  const repeated = new Map<number, Repeated>([
    [SectionId.function, { count: functionCount, times }],
    [SectionId.code, { count: functionCount, times }],
    [SectionId.data, { count: data.length, times: Math.min(times, dataTimesMax) }],
  ]);
  const out = new ByteWriter(2 * wantedBytes);
  out.copyRange(bytes, 0, 8);
  for (const { id, offset, start, end } of sections) {
    const section = repeated.get(id);
    // It says how many data segments there are, and only code that names them needs it.
    if (id === SectionId.dataCount) continue;
    if (section === undefined) {
      out.copyRange(bytes, offset, end);
      continue;
    }
    const entries = skipCount(bytes, start);
    const contents = new ByteWriter(section.times * (end - start) + 8);
    contents.writeU32(section.times * section.count);
    for (let copy = 0; copy < section.times; copy += 1) contents.copyRange(bytes, entries, end);
    out.writeSection(id, contents);
  }
  return out.finish();
}

/** How often the functions must be there for 11 MB, with the data at most `dataTimesMax` times. */
function countCopies(shape: ModuleShape, byteCount: number, dataTimesMax: number): number {
  const data = shape.sections.find(({ id }) => id === SectionId.data);
  const dataBytes = data === undefined ? 0 : data.end - data.start;
  const times = Math.ceil(wantedBytes / byteCount);
  if (times <= dataTimesMax) return times;
  return Math.ceil((wantedBytes - dataTimesMax * dataBytes) / (byteCount - dataBytes));
}

/** Offset behind the LEB128 count at `start`. */
function skipCount(bytes: Uint8Array, start: number): number {
  let at = start;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  return at + 1;
}

export async function measureRewriting(rounds: number): Promise<readonly Row[]> {
  const bytes = enlarge(readFileSync(existsSync(sqlite) ? sqlite : own));
  const { judgeModule } = createCatalogue(limits);
  const times = { ready: [] as number[], plain: [] as number[], cards: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    const shape = inspectModule(bytes, moduleLimits(limits));
    for (const form of ['plain', 'cards'] as const) {
      const options = { cards: form === 'cards', isValidated: true };
      times[form].push(timeMs(() => meterModule(bytes, shape, options)));
    }
    times.ready.push(
      timeMs(() => {
        const { cores } = buildArtifact(bytes, { limits, judge: judgeModule });
        for (const { code } of cores) new WebAssembly.Module(code);
      }),
    );
  }
  const speed = (ms: readonly number[]): number => (bytes.length / megabyte / median(ms)) * 1_000;
  return [
    {
      name: 'rewriting to count instructions',
      value: speed(times.plain),
      unit: 'MB/s',
      goal: { atLeast: 50 },
    },
    { name: 'rewriting to mark what is written, too', value: speed(times.cards), unit: 'MB/s' },
    {
      name: '11 MB module: judged, both forms, compiled',
      value: median(times.ready),
      unit: 'ms',
      goal: { atMost: 1_000 },
    },
  ];
}

function timeMs(act: () => unknown): number {
  const startedAtMs = performance.now();
  act();
  return performance.now() - startedAtMs;
}
