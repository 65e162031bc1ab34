/**
 * One program of the WASI test suite: run in memory, with the folder it asks for copied into a file
 * tree of its own, and held against what its `.json` expects. Edge: reads the suite's files.
 */
import { randomFillSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { RunEnd } from '../../../src/abi/abi.ts';
import type { InputStream, OutputStream } from '../../../src/abi/objects/cgi/streams.ts';
import { createMemoryTree, type MemoryRoot } from '../../../src/abi/objects/files/memory-tree.ts';
import type { DirectoryNode } from '../../../src/abi/objects/files/node.ts';
import { WasiProcess } from '../../../src/abi/wasip1/process.ts';
import { systemClock, systemTimer } from '../../../src/capability/clock/clock.ts';
import type { LoadedModule } from '../../../src/threads/messages.ts';
import { ProgramPool } from '../../../test/support/program-pool.ts';
import { SuiteAbi } from './suite-abi.ts';

/** The suite's `doc/specification.md`; what is left out has these values. */
export interface CaseSpec {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly root: string | undefined;
  readonly exit_code: number;
  readonly stdout: string | undefined;
}

export interface CaseRun {
  readonly end: RunEnd;
  readonly stdout: string;
  readonly stderr: string;
}

const defaultSpec: CaseSpec = {
  args: [],
  env: {},
  root: undefined,
  exit_code: 0,
  stdout: undefined,
};
const TREE_BYTES_MAX = 64 * 1024 * 1024;
const TREE_NODES_MAX = 10_000;
const DESCRIPTORS_MAX = 1_000;

/**
 * Runs the program twice in the engine: in a fresh guest, and in the same one restored where it can
 * be. Undefined when both do what its specification says; otherwise what one did.
 */
export async function checkCase(wasmPath: string): Promise<string | undefined> {
  const spec = readSpec(wasmPath);
  const abi = new SuiteAbi();
  using pool = new ProgramPool({ abi, restoreMode: 'cards' });
  const loaded = pool.load(new Uint8Array(readFileSync(wasmPath)), '_start');
  for (const round of ['fresh', 'again']) {
    const fault = judgeRun(await runCase({ wasmPath, spec, pool, abi, loaded }), spec);
    if (fault !== undefined) return `${round}: ${fault}`;
  }
  return undefined;
}

function judgeRun(run: CaseRun, spec: CaseSpec): string | undefined {
  const exitCode = run.end.kind === 'exited' ? run.end.exitCode : 0;
  const said = [run.stderr, run.stdout].filter((text) => text !== '').join('\n');
  if (run.end.kind === 'trapped') return `trapped: ${run.end.reason}\n${said}`;
  if (exitCode !== spec.exit_code) return `exit code ${exitCode}\n${said}`;
  if (spec.stdout !== undefined && run.stdout !== spec.stdout) return `stdout ${run.stdout}`;
  return undefined;
}

function readSpec(wasmPath: string): CaseSpec {
  const specPath = wasmPath.replace(/\.wasm$/, '.json');
  if (!existsSync(specPath)) return defaultSpec;
  return { ...defaultSpec, ...JSON.parse(readFileSync(specPath, 'utf8')) };
}

interface Case {
  readonly wasmPath: string;
  readonly spec: CaseSpec;
  readonly pool: ProgramPool;
  readonly abi: SuiteAbi;
  readonly loaded: LoadedModule;
}

async function runCase({ wasmPath, spec, pool, abi, loaded }: Case): Promise<CaseRun> {
  const stdout = new Collected();
  const stderr = new Collected();
  const folder = spec.root === undefined ? undefined : path.join(path.dirname(wasmPath), spec.root);
  const process = new WasiProcess({
    listArguments: () => [path.basename(wasmPath), ...spec.args].map(toBytes),
    listEnvironment: () =>
      Object.entries(spec.env).map(([name, value]) => toBytes(`${name}=${value}`)),
    stdin: noInput,
    stdout,
    stderr,
    openPreopens: () => (folder === undefined ? [] : [{ name: '/', directory: copyTree(folder) }]),
    capabilities: {
      clock: systemClock,
      timer: systemTimer,
      fillRandom: (target) => randomFillSync(target),
    },
    descriptorsMax: DESCRIPTORS_MAX,
  });
  const end = await abi.run(pool, loaded, process);
  return { end, stdout: stdout.text, stderr: stderr.text };
}

/** A copy in memory of a folder on disk. */
export function copyTree(folder: string): DirectoryNode {
  const root = createMemoryTree({
    device: 3n,
    bytesMax: TREE_BYTES_MAX,
    nodesMax: TREE_NODES_MAX,
    nowNs: () => systemClock.nowNs(),
  });
  fillTree(root, folder);
  return root;
}

function fillTree(directory: MemoryRoot, folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const entryPath = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      directory.createDirectory(entry.name);
      const below = directory.lookup(entry.name);
      if (below?.kind !== 'directory') throw new TypeError(entryPath);
      fillTree(below as MemoryRoot, entryPath);
    } else if (entry.isFile()) {
      const file = directory.createFile(entry.name).open();
      if (file instanceof Promise) throw new TypeError(entryPath);
      file.write(0n, readFileSync(entryPath));
      void file.close();
    }
  }
}

export class Collected implements OutputStream {
  readonly #pieces: Uint8Array[] = [];

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  get text(): string {
    return this.bytes.toString();
  }

  write(bytes: Uint8Array): undefined {
    this.#pieces.push(bytes);
    return undefined;
  }

  flush(): void {
    // Everything is already where it belongs.
  }
}

export const noInput: InputStream = {
  readyBytes: 0,
  take: () => new Uint8Array(0),
  whenReady: () => Promise.resolve(),
};

export function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
