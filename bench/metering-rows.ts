/**
 * What counting instructions costs real programs: bench/meter in processes of its own, so that
 * V8 has compiled nothing for others. Touches other processes and the file system.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { placed } from './pinning.ts';
import type { Row } from './report.ts';
import { BenchFolder } from './servers.ts';

const program = fileURLToPath(new URL('./meter/run.ts', import.meta.url));
/** The rounds of a kernel last milliseconds; its fastest counts. */
const roundsOfKernel = 15;

/** A kernel's name → its time metered by its time as it was; see bench/meter/run.ts. */
export interface MeteringReport {
  readonly ratios: Readonly<Record<string, number>>;
  readonly geometricMean: number;
  readonly worst: number;
}

export function measureMetering(): readonly Row[] {
  return [
    ...measureForm('metered', [], { mean: 1.08, worst: 1.25 }),
    ...measureForm('metered, and what it writes is marked', ['--cards']),
  ];
}

function measureForm(
  form: string,
  options: readonly string[],
  goals?: { readonly mean: number; readonly worst: number },
): readonly Row[] {
  using folder = new BenchFolder();
  const file = join(folder.directory, 'ratios.json');
  const args = [program, '--rounds', String(roundsOfKernel), '--json', file, ...options];
  const [command, ...rest] = placed('server', [process.execPath, ...args]);
  execFileSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  const report: MeteringReport = JSON.parse(readFileSync(file, 'utf8'));
  const row = (name: string, value: number, atMost?: number): Row => ({
    name: `${form}: ${name}`,
    value,
    unit: 'x',
    ...(atMost === undefined ? {} : { goal: { atMost } }),
  });
  return [
    row('geometric mean', report.geometricMean, goals?.mean),
    row('worst', report.worst, goals?.worst),
    ...Object.entries(report.ratios).map(([name, ratio]) => row(name, ratio)),
  ];
}
