/**
 * Wasmtime as an oracle: the same requests to `wasmtime` and to the daemon, for each component of a
 * folder, and what differs. Edge: runs both, reads the folder.
 *
 * Answers must be equal but for `date`, the pages and causes of failures (Wasmtime answers 500 to
 * all of them, we by RFC 9209), and what each server says of the connection and the request.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ask } from '../../test/support/http.ts';
import { type OracleAnswer, type OracleRequest, requests } from './oracle/requests.ts';
import { openDaemon, openWasmtime } from './oracle/servers.ts';

export interface OracleOptions {
  /** The program. */
  readonly wasmtime: string;
}

interface Counts {
  equal: number;
  different: number;
}

/** Prints what differs; answers the exit code. */
export async function checkOracle(directory: string, options: OracleOptions): Promise<number> {
  const counts: Counts = { equal: 0, different: 0 };
  const names = readdirSync(directory).filter((name) => name.endsWith('.wasm'));
  for (const name of names.sort()) {
    const before = { ...counts };
    await checkGuest(path.join(directory, name), options, counts);
    const [equal, different] = [counts.equal - before.equal, counts.different - before.different];
    process.stdout.write(`${name}: ${equal} equal, ${different} different\n`);
  }
  process.stdout.write(
    `oracle: ${names.length} components, ${counts.equal} answers equal, ` +
      `${counts.different} different\n`,
  );
  return counts.different > 0 || counts.equal === 0 ? 1 : 0;
}

async function checkGuest(file: string, options: OracleOptions, counts: Counts): Promise<void> {
  await using theirs = await openWasmtime(options.wasmtime, file);
  await using ours = await openDaemon(file);
  for (const request of requests) {
    const expected = await theirs.answer(request);
    const received = await answerOf(ours.port, request);
    const differences = compare(request, expected, received);
    if (differences.length === 0) counts.equal += 1;
    else counts.different += 1;
    for (const each of differences) {
      process.stdout.write(`DIFF ${path.basename(file)} ${request.method} ${request.path}: `);
      process.stdout.write(`${each}\n`);
    }
  }
}

async function answerOf(port: number, request: OracleRequest): Promise<OracleAnswer> {
  try {
    const { status, headers, text } = await ask(port, request.path, request);
    return { status, headers: headers as Record<string, string | string[]>, text };
  } catch {
    return { status: 0, headers: {}, text: '' };
  }
}

/** The connection's, or the server's own. */
const notCompared: ReadonlySet<string> = new Set([
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'x-request-id',
]);

function compare(
  { method }: OracleRequest,
  expected: OracleAnswer,
  received: OracleAnswer,
): readonly string[] {
  const isFailure = (answer: OracleAnswer): boolean => answer.status === 0 || answer.status >= 500;
  // Which failure, and how it is told, is each server's own: where the guest names the cause, ours
  // is by RFC 9209, and maybe the client's.
  if (isFailure(expected) && (isFailure(received) || received.status >= 400)) return [];
  const differences: string[] = [];
  const note = (what: string, one: unknown, other: unknown): void => {
    if (JSON.stringify(one) === JSON.stringify(other)) return;
    differences.push(`${what}: wasmtime ${show(one)}, we ${show(other)}`);
  };
  note('status', expected.status, received.status);
  const names = new Set([...Object.keys(expected.headers), ...Object.keys(received.headers)]);
  for (const name of [...names].filter((each) => !notCompared.has(each)).sort()) {
    note(name, expected.headers[name], received.headers[name]);
  }
  if (method !== 'HEAD') note('body', expected.text, received.text);
  return differences;
}

const shownMax = 200;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > shownMax ? `${text.slice(0, shownMax)}… (${text.length})` : text;
}
