/**
 * How fast modules are read and rewritten, and how long a large one takes until it can run. Touches
 * the file system.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCatalogue } from '../src/abi/catalogue.ts';
import { defaultLimits } from '../src/config/config.ts';
import { buildArtifact, moduleLimits } from '../src/deploy/artifact.ts';
import { SectionId } from '../src/wasm/binary/sections.ts';
import { ByteWriter } from '../src/wasm/binary/writer.ts';
import { inspectModule } from '../src/wasm/inspect.ts';
import { meterModule } from '../src/wasm/meter.ts';
import { median, type Row } from './report.ts';

const wantedBytes = 11_000_000;
const megabyte = 1_000_000;
const limits = { ...defaultLimits, functionsMax: 1_000_000 };
const own = fileURLToPath(new URL('../test/guests/hello.wasm', import.meta.url));
const sqlite = fileURLToPath(
  new URL('../../shared/guests/cgi-sqlite-c/cgi-sqlite-c.wasm', import.meta.url),
);

/** The guest in `bytes` with all its functions and data so many times that it has 11 MB. */
function enlarge(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { sections, functionTypes, importedFunctionCount, data } = inspectModule(bytes);
  const functionCount = functionTypes.length - importedFunctionCount;
  const counts = new Map<number, number>([
    [SectionId.function, functionCount],
    [SectionId.code, functionCount],
    [SectionId.data, data.length],
  ]);
  const times = Math.ceil(wantedBytes / bytes.length);
  const out = new ByteWriter(2 * wantedBytes);
  out.copyRange(bytes, 0, 8);
  for (const { id, offset, start, end } of sections) {
    const count = counts.get(id);
    // It says how many data segments there are, and only code that names them needs it.
    if (id === SectionId.dataCount) continue;
    if (count === undefined) {
      out.copyRange(bytes, offset, end);
      continue;
    }
    const entries = skipCount(bytes, start);
    const contents = new ByteWriter(times * (end - start) + 8);
    contents.writeU32(times * count);
    for (let copy = 0; copy < times; copy += 1) contents.copyRange(bytes, entries, end);
    out.writeSection(id, contents);
  }
  return out.finish();
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
        const { code } = buildArtifact(bytes, { limits, judge: judgeModule });
        new WebAssembly.Module(code);
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
