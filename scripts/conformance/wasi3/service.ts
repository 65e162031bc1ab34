/** A service of the suite, served by the daemon. Edge: a process, and sockets on loopback. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestDaemon } from '../../../test/support/daemon.ts';
import { ask } from '../../../test/support/http.ts';
import { Endpoints } from './endpoints.ts';
import type { RequestStep, Specification } from './specification.ts';

/** Large ones are compiled for a while. */
const startMsMax = 120_000;

/** Undefined when it answers as its specification says; otherwise what it did. */
export async function checkService(
  wasmPath: string,
  { steps, servers }: Specification,
): Promise<string | undefined> {
  await using endpoints = await Endpoints.start(servers);
  const folder = mkdtempSync(path.join(tmpdir(), 'terrafirma-wasi3-'));
  try {
    copyFileSync(wasmPath, path.join(folder, 'index.wasm'));
    const variables = Object.entries(endpoints.environment).map(
      ([name, value]) => `${name} = ${JSON.stringify(value)}\n`,
    );
    writeFileSync(path.join(folder, 'terrafirma.toml'), `[env]\n${variables.join('')}`);
    const args = [folder, '--allow-outbound', '127.0.0.0/8'];
    await using daemon = await TestDaemon.start({ args, threads: 1 });
    await daemon.waitForLog(({ msg }) => /published/.test(msg), startMsMax);
    for (const step of steps) {
      const fault = step.type === 'request' ? await checkRequest(daemon, step) : undefined;
      if (fault !== undefined) return fault;
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function checkRequest(daemon: TestDaemon, step: RequestStep): Promise<string | undefined> {
  const { method, path: target, headers = {}, body, response } = step;
  const sent = { method, headers, ...(body === undefined ? {} : { body }) };
  const reply = await ask(daemon.port, target, sent);
  const place = `${method} ${target}`;
  if (reply.status !== response.status) {
    const received = `${reply.status}${saidBy(daemon)}`;
    return `${place}: expected status ${response.status}: received ${received}`;
  }
  for (const [name, value] of Object.entries(response.headers ?? {})) {
    const received = String(reply.headers[name]);
    if (received !== value) return `${place}: expected ${name}: ${value}: received ${received}`;
  }
  const { body: expected = '' } = response;
  if (reply.text === expected) return undefined;
  return `${place}: expected the body ${expected}: received ${reply.text}`;
}

/** What the guest has written: a failed assertion says there which it was. */
function saidBy({ log }: TestDaemon): string {
  const lines = log.flatMap((line) => (line.cause ?? line.line ?? line.detail ?? []) as string[]);
  return lines.length === 0 ? '' : `: ${lines.join(' / ')}`;
}
