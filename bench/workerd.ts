/**
 * workerd, the runtime of Cloudflare Workers, on the same module: a new instance for every request,
 * and one instance for all. Installed from npm into a temporary folder when asked for. Touches npm,
 * other processes and the file system.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallGuest } from './daemon-rows.ts';
import { putLoad } from './load.ts';
import { median, type Row } from './report.ts';
import { askUntil, BenchFolder, findPort, Server } from './servers.ts';

const connections = 32;

/** The least of the Terrarium ABI that a small guest needs: an empty request, a reply body. */
const workerSource = `
import module from './guest.wasm';
let shared;
function instantiate() {
  const state = { body: new Uint8Array(0) };
  const memory = () => instance.exports.memory.buffer;
  const giveNothing = (ptr, len) => {
    const view = new DataView(memory());
    view.setUint32(ptr, 0, true);
    view.setUint32(len, 0, true);
  };
  const env = {};
  for (const { name } of WebAssembly.Module.imports(module)) {
    env[name] = name.includes('_get_') ? giveNothing : () => 0;
  }
  env.hostcall_resp_set_body = (_, ptr, len) => {
    state.body = new Uint8Array(memory().slice(ptr, ptr + len));
    return 0;
  };
  const instance = new WebAssembly.Instance(module, { env });
  return { instance, state };
}
export default {
  fetch(_, { REUSE }) {
    const { instance, state } = REUSE === '1' ? (shared ??= instantiate()) : instantiate();
    instance.exports.run();
    return new Response(state.body);
  },
};
`;

function configOf(port: number, reuses: boolean): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker", esModule = embed "worker.js"),
    (name = "./guest.wasm", wasm = embed "guest.wasm"),
  ],
  bindings = [(name = "REUSE", text = "${reuses ? 1 : 0}")],
  compatibilityDate = "2026-01-01",
);
`;
}

async function startWorkerd(
  directory: string,
  reuses: boolean,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const port = await findPort();
  const config = join(directory, `config-${reuses}.capnp`);
  writeFileSync(config, configOf(port, reuses));
  const program = join(directory, 'node_modules/.bin/workerd');
  const child = spawn(program, ['serve', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}/`;
  await askUntil(url, () => true);
  return { url, child };
}

export async function measureWorkerd(plan: {
  readonly rounds: number;
  readonly seconds: number;
}): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-workerd-'));
  const children: ChildProcess[] = [];
  try {
    const install = ['install', '--silent', '--no-audit', '--prefix', directory, 'workerd'];
    execFileSync('npm', install, { stdio: 'inherit' });
    writeFileSync(join(directory, 'worker.js'), workerSource);
    cpSync(smallGuest(), join(directory, 'guest.wasm'));
    const fresh = await startWorkerd(directory, false);
    children.push(fresh.child);
    const reusing = await startWorkerd(directory, true);
    children.push(reusing.child);
    return await compareLoads({ fresh: fresh.url, reusing: reusing.url }, plan);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function compareLoads(
  urls: { readonly fresh: string; readonly reusing: string },
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  await using daemon = await Server.daemon(folder.directory);
  const ours = `${daemon.url}/small.wasm`;
  await askUntil(ours, () => true);
  const load = { connections, seconds };
  const found = { ours: [] as number[], fresh: [] as number[], reusing: [] as number[] };
  await putLoad(ours, load);
  for (let round = 0; round < rounds; round += 1) {
    found.ours.push((await putLoad(ours, load)).requestsPerS);
    found.fresh.push((await putLoad(urls.fresh, load)).requestsPerS);
    found.reusing.push((await putLoad(urls.reusing, load)).requestsPerS);
  }
  const ratios = found.ours.map((each, round) => each / (found.fresh[round] ?? Number.NaN));
  const unit = 'requests/s';
  return [
    { name: 'workerd, a new instance each time', value: median(found.fresh), unit },
    { name: 'workerd, one instance for all', value: median(found.reusing), unit },
    {
      name: 'daemon against workerd, fresh state each',
      value: median(ratios),
      unit: 'x',
      goal: { atLeast: 5 },
    },
  ];
}
