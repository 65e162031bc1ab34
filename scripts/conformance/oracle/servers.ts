/** The two that answer: Wasmtime, and the daemon with a folder that is the one component. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findPort } from '../../../bench/servers.ts';
import { listArguments, listEnvironment } from '../../../src/abi/objects/cgi/environment.ts';
import type { RequestHead } from '../../../src/http/message.ts';
import { readComponent } from '../../../src/wasm/component.ts';
import { TestDaemon, waitFor } from '../../../test/support/daemon.ts';
import { ask } from '../../../test/support/http.ts';
import type { OracleAnswer, OracleRequest } from './requests.ts';

/** Large ones are compiled for a while. */
const startMsMax = 120_000;

export interface Oracle extends AsyncDisposable {
  answer(request: OracleRequest): Promise<OracleAnswer>;
}

/** @param file A component that answers requests, or a program. */
export async function openWasmtime(wasmtime: string, file: string): Promise<Oracle> {
  const { plan } = readComponent(Uint8Array.from(readFileSync(file)));
  const isProgram = plan.exports.some((each) => each.interface.startsWith('wasi:cli/run@'));
  const folder = mkdtempSync(path.join(tmpdir(), 'terrafirma-oracle-'));
  // Once, not for each request; a large one takes minutes on a busy machine.
  const compiled = path.join(folder, 'component.cwasm');
  execFileSync(wasmtime, ['compile', file, '-o', compiled], { stdio: 'pipe' });
  if (isProgram) return new ProgramOracle(wasmtime, compiled);
  return await ServingOracle.start(wasmtime, compiled);
}

class ServingOracle implements Oracle {
  readonly #child: ChildProcess;
  readonly #file: string;
  readonly #port: number;

  private constructor(child: ChildProcess, file: string, port: number) {
    this.#child = child;
    this.#file = file;
    this.#port = port;
  }

  static async start(wasmtime: string, file: string): Promise<ServingOracle> {
    const port = await findPort();
    const address = ['--addr', `127.0.0.1:${port}`];
    const args = ['serve', '--allow-precompiled', '-Scli', '-Sp3', ...address, file];
    const child = spawn(wasmtime, args, { stdio: 'ignore' });
    const oracle = new ServingOracle(child, file, port);
    await waitFor(async () => {
      const { status } = await oracle.answer({ method: 'GET', path: '/', headers: {}, body: '' });
      return status === 0 ? undefined : true;
    }, startMsMax);
    return oracle;
  }

  async answer(request: OracleRequest): Promise<OracleAnswer> {
    try {
      const { status, headers, text } = await ask(this.#port, request.path, request);
      return { status, headers, text };
    } catch {
      return { status: 0, headers: {}, text: '' };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    rmSync(path.dirname(this.#file), { recursive: true, force: true });
  }
}

/** A program, run once for each request, with the environment and arguments that it has here. */
class ProgramOracle implements Oracle {
  readonly #wasmtime: string;
  readonly #file: string;

  constructor(wasmtime: string, file: string) {
    this.#wasmtime = wasmtime;
    this.#file = file;
  }

  async answer(asked: OracleRequest): Promise<OracleAnswer> {
    const request = headOf(asked);
    const bodyBytes = Buffer.byteLength(asked.body);
    const variables = listEnvironment({ request, bodyBytes, environment: new Map() });
    const env = variables.flatMap((variable) => ['--env', asText(variable)]);
    const [name = '', ...args] = listArguments(request, undefined).map(asText);
    const how = ['run', '--allow-precompiled', ...env, '--argv0', name, this.#file, ...args];
    const { code, output } = await this.#run(how, asked.body);
    return code === 0 ? readCgi(output) : { status: 500, headers: {}, text: '' };
  }

  #run(args: readonly string[], input: string): Promise<{ code: number; output: string }> {
    return new Promise((resolve) => {
      const options = { maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(this.#wasmtime, args, options, (error, output) => {
        resolve({ code: error === null ? 0 : 1, output });
      });
      // A program may end before it has read all of it.
      child.stdin?.on('error', () => child.stdin?.destroy());
      child.stdin?.end(input);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(path.dirname(this.#file), { recursive: true, force: true });
  }
}

/** What has a character for each byte, as arguments of a process are passed. */
function asText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

function headOf({ method, path: target, headers }: OracleRequest): RequestHead {
  const [, pathInfo = '', query = ''] = /^([^?]*)\??(.*)$/.exec(target) ?? [];
  return {
    id: 'oracle',
    method,
    target,
    scriptName: '/index.wasm',
    pathInfo: decodeURIComponent(pathInfo),
    query,
    scheme: 'http',
    authority: '127.0.0.1:8080',
    httpVersion: '1.1',
    headers: Object.entries(headers),
    clientAddress: '127.0.0.1',
    clientPort: 40_000,
  };
}

function readCgi(output: string): OracleAnswer {
  const [, head = '', text = ''] = /^([\s\S]*?)\r?\n\r?\n([\s\S]*)$/.exec(output) ?? [];
  const headers: Record<string, string> = {};
  for (const line of head.split(/\r?\n/)) {
    const at = line.indexOf(':');
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  const { status = '200', ...rest } = headers;
  return { status: Number.parseInt(status, 10), headers: rest, text };
}

/** The daemon with a folder of which the component is the whole site. */
export async function openDaemon(
  file: string,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrafirma-oracle-'));
  copyFileSync(file, path.join(folder, 'index.wasm'));
  const daemon = await TestDaemon.start({ args: [folder], threads: 1 });
  const { port } = daemon;
  await daemon.waitForLog(({ msg }) => /published/.test(msg), startMsMax);
  return {
    port,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
