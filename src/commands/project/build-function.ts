/**
 * Builds one function of a project: runs its command, judges what came out as the daemon would, and
 * puts it into the site in one step. Touches the project's files and runs other programs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { TerrafirmaError } from '../../errors.ts';
import { type ModuleJudge, readNamedFile } from '../inspect/judge.ts';
import type { Project, ProjectFunction } from './project-file.ts';
import { commandEnvironment, requireTool } from './tools.ts';

export type BuildResult =
  | {
      readonly kind: 'built';
      readonly ms: number;
      readonly bytes: number;
      readonly abi: string;
      readonly digest: string;
    }
  | {
      readonly kind: 'failed';
      /** One sentence. */
      readonly reason: string;
      /** What the command wrote: its end, where it was much. */
      readonly output: string;
      /** Whether the machine or the project lacks something, not the source. */
      readonly isUsage: boolean;
    };

export interface BuildParts {
  readonly project: Project;
  readonly judge: Pick<ModuleJudge, 'judge'>;
  readonly moduleBytesMax: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A clock that only goes forward, in milliseconds. */
  readonly nowMs: () => number;
  /** Ends the command when it is raised. */
  readonly signal?: AbortSignal;
}

/** What a command may say is shown up to here, from its end: there the errors stand. */
const outputCharsMax = 64 * 1024;

/** Never rejects for what is wrong with the project; rejects when `signal` was raised. */
export async function buildFunction(
  each: ProjectFunction,
  parts: BuildParts,
): Promise<BuildResult> {
  const { environment, nowMs, project } = parts;
  const startedAtMs = nowMs();
  const output = new CommandOutput();
  try {
    requireTool(each.name, each.command, { directory: project.directory, environment });
    const code = await runCommand(each.command, output, parts);
    if (code !== 0) {
      const reason = `Cannot build ${each.name}: its command must end with 0: received ${code}`;
      return { kind: 'failed', reason, output: output.text, isUsage: false };
    }
    requireOutput(each);
    const bytes = await readNamedFile(each.output, parts.moduleBytesMax);
    const judged = await parts.judge.judge(bytes);
    const refusal = judged.kind === 'refused' ? judged.error.detail : judged.start.failure;
    if (judged.kind === 'refused' || refusal !== undefined) {
      const reason = `${refusal}; it is not in the site`;
      return { kind: 'failed', reason, output: output.text, isUsage: false };
    }
    await putIntoSite(each, project);
    const { abi, digest } = judged.artifact;
    return { kind: 'built', ms: nowMs() - startedAtMs, bytes: bytes.length, abi, digest };
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    return { kind: 'failed', reason: error.message, output: output.text, isUsage: true };
  }
}

/**
 * Tools may write elsewhere and end well, as cargo does by `CARGO_TARGET_DIR`.
 * @throws TerrafirmaError `usage`
 */
function requireOutput({ name, output }: ProjectFunction): void {
  if (existsSync(output)) return;
  const rule = 'its command must write the file that "output" in project.toml names';
  throw new TerrafirmaError(
    'usage',
    `Cannot build ${name}: ${rule}: received none at ${output}; look where it writes`,
  );
}

/** Beside the old one and renamed: whoever reads the site sees one whole module or the other. */
async function putIntoSite(each: ProjectFunction, { site }: Project): Promise<void> {
  const target = path.join(site, each.name);
  const beside = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.tmp`);
  await mkdir(path.dirname(target), { recursive: true });
  try {
    await copyFile(each.output, beside);
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    const rule = 'the site must be writable';
    throw new TerrafirmaError('usage', `Cannot copy ${each.name}: ${rule}: received ${reason}`);
  }
}

async function runCommand(
  command: string,
  output: CommandOutput,
  { environment, project, signal }: BuildParts,
): Promise<number | string> {
  const { directory } = project;
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: directory,
    env: commandEnvironment({ directory, environment }),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: what is ended is all that the command has started.
    detached: true,
  });
  const end = (): void => {
    if (child.pid !== undefined) endGroup(child.pid);
  };
  signal?.addEventListener('abort', end, { once: true });
  try {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => output.add(text));
    }
    await once(child, 'close');
    signal?.throwIfAborted();
    return child.exitCode ?? child.signalCode ?? 'nothing';
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch (error) {
    // It has ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

class CommandOutput {
  #text = '';

  get text(): string {
    return this.#text;
  }

  add(text: string): void {
    this.#text = `${this.#text}${text}`.slice(-outputCharsMax);
  }
}
