/** A program of the suite, run on the engine of the product. Edge: reads the suite's files. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createComponentAbis } from '../../../src/abi/component.ts';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import { readComponent } from '../../../src/wasm/component.ts';
import { ProgramPool } from '../../../test/support/program-pool.ts';
import { copyTree } from '../wasi/case.ts';
import type { RunStep, Step } from './specification.ts';
import { type Command, ReadOutput, SuiteRun, TypedInput } from './suite-run.ts';

const entry = 'wasi:cli/run@0.3.0';
const abiName = 'wasi-suite-0.3';
/** Programs that wait for nothing that comes are ended. */
const limits: Limits = { ...defaultLimits, cpuMsMax: 10_000, wallMsMax: 20_000 };

/**
 * Runs it twice: in a fresh guest, and in the same one restored. Undefined when both do what its
 * specification says; otherwise what one did.
 */
export async function checkProgram(
  wasmPath: string,
  steps: readonly Step[],
): Promise<string | undefined> {
  let command: Command | undefined;
  const [abi] = createComponentAbis(limits, [
    {
      abi: abiName,
      entry,
      open: (run) => {
        if (command === undefined) throw new TypeError('Cannot begin: no command');
        return new SuiteRun(run, limits, command);
      },
    },
  ]);
  if (abi === undefined) throw new TypeError('Cannot run: no ABI');
  using pool = new ProgramPool({ abi, restoreMode: 'cards', limits });
  const component = readComponent(new Uint8Array(readFileSync(wasmPath)));
  const verdict = abi.judgeComponent?.(component.plan);
  if (verdict?.kind !== 'speaks') return `it was not accepted: ${JSON.stringify(verdict)}`;
  const loaded = pool.linkComponent(component, verdict.entry);
  for (const round of ['fresh', 'again']) {
    command = newCommand(wasmPath, steps);
    const over = pool.run(loaded);
    const fault = await follow(command, { over, steps });
    if (fault !== undefined) return `${round}: ${fault}`;
  }
  return undefined;
}

function newCommand(wasmPath: string, steps: readonly Step[]): Command {
  const run = steps.find((step): step is RunStep => step.type === 'run');
  const { args = [], env = {}, root } = run ?? { type: 'run' };
  const folder = root && path.join(path.dirname(wasmPath), root);
  return {
    arguments: [path.basename(wasmPath), ...args],
    environment: Object.entries(env),
    directories: folder ? [{ name: '/', directory: copyTree(folder) }] : [],
    stdin: new TypedInput(),
    stdout: new ReadOutput(),
    stderr: new ReadOutput(),
    end: undefined,
  };
}

interface Following {
  readonly over: ReturnType<ProgramPool['run']>;
  readonly steps: readonly Step[];
}

async function follow(command: Command, { over, steps }: Following): Promise<string | undefined> {
  const ended = over.then(({ error }) => {
    command.stdout.end();
    command.stderr.end();
    return error?.detail;
  });
  let fault: string | undefined;
  for (const step of steps) fault ??= await take(step, command, ended);
  command.stdin.end();
  await ended;
  return fault;
}

async function take(
  step: Step,
  command: Command,
  ended: Promise<string | undefined>,
): Promise<string | undefined> {
  switch (step.type) {
    case 'run':
      return undefined;
    case 'write':
      command.stdin.write(step.payload ?? '');
      return undefined;
    case 'read': {
      const { payload = '' } = step;
      const output = step.id === 'stderr' ? command.stderr : command.stdout;
      const text = await output.read(payload.length);
      return text === payload ? undefined : `expected ${payload}: received ${text}`;
    }
    case 'wait': {
      command.stdin.end();
      return judgeEnd(command, await ended, step.exit_code ?? 0);
    }
    default:
      return `there is no ${step.type} here`;
  }
}

function judgeEnd(
  { end, stderr, stdout }: Command,
  detail: string | undefined,
  expected: number,
): string | undefined {
  const said = `${stdout.rest}${stderr.rest}`.trim();
  if (end === undefined) return `${detail ?? 'it was ended without a reason'}\n${said}`;
  if (end.kind === 'trapped') return `trapped: ${end.reason}\n${said}`;
  const code = end.kind === 'exited' ? end.exitCode : 0;
  return code === expected ? undefined : `exit code ${code}\n${said}`;
}
