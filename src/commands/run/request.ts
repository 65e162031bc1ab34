/** Flags of `terrafirma run` → the request as a guest sees it behind the daemon's own door. */

import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import path from 'node:path';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import { isFieldValue } from '../../http/fields.ts';
import type { ReplyHead } from '../../http/message.ts';
import { readRequestHead } from '../../http/request-head.ts';
import { isToken } from '../../http/token.ts';
import type { ModulePath } from '../../names.ts';
import type { RoutableHead } from '../../serve/exchange-options.ts';
import type { SiteSettings } from '../../site/settings.ts';
import type { Arguments, CommandIo } from '../command.ts';
import { readNamedFile } from '../inspect/judge.ts';
import { placeOf } from './place.ts';

export interface RunRequest {
  readonly head: RoutableHead;
  readonly body: Uint8Array;
}

export interface RunRequestOptions {
  readonly limits: Limits;
  readonly modulePath: ModulePath;
  /** Of the folder, where there is one. */
  readonly settings: SiteSettings | undefined;
  /** Path and query when none are given. */
  readonly defaultTarget: string;
}

/** Errors: `usage` for what no HTTP client could send or the daemon would not pass on. */
export async function readRequest(
  given: Arguments,
  io: CommandIo,
  { limits, modulePath, settings, defaultTarget }: RunRequestOptions,
): Promise<RunRequest> {
  const body = await readBody(given.value('data'), io, limits);
  const target = readTarget(given.value('path') ?? defaultTarget);
  const method = readMethod(given.value('method') ?? (given.has('data') ? 'POST' : 'GET'));
  const headers = given.values('header').map(readHeader);
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  if (!names.has('host')) headers.unshift(['Host', 'localhost']);
  if (given.has('data') && !names.has('content-length')) {
    headers.push(['Content-Length', `${body.length}`]);
  }
  try {
    const head = readRequestHead(
      { method, url: target, httpVersion: '1.1', rawHeaders: headers.flat() },
      { id: randomUUID(), scheme: 'http', clientAddress: '127.0.0.1', clientPort: 0 },
      limits,
    );
    return { head: { ...head, ...placeOf({ target, method }, modulePath, settings) }, body };
  } catch (error) {
    if (error instanceof TerrafirmaError) throw new TerrafirmaError('usage', error.message);
    throw error;
  }
}

function refuse(flag: string, rule: string, received: string): TerrafirmaError {
  const shown = JSON.stringify(received.slice(0, 120));
  return new TerrafirmaError('usage', `Cannot run: ${flag} ${rule}: received ${shown}`);
}

function readTarget(text: string): string {
  if (/^\/[\x21-\x7e]*$/.test(text) && !text.includes('#')) return text;
  throw refuse('--path', 'must be a path as in a URL, such as /x?y=1', text);
}

function readMethod(text: string): string {
  if (isToken(text)) return text;
  throw refuse('--method', 'must be an HTTP method, such as POST', text);
}

function readHeader(text: string): [string, string] {
  const at = text.indexOf(':');
  const name = text.slice(0, Math.max(0, at));
  const value = text.slice(at + 1).trim();
  // Header values are bytes on the wire: node gives each as one character.
  const wire = Buffer.from(value, 'utf8').toString('latin1');
  if (isToken(name) && isFieldValue(wire)) return [name, wire];
  throw refuse('--header', "must be 'name: value'", text);
}

/** As curl: text as it is, `@file`, or `@-` for standard input. */
async function readBody(
  data: string | undefined,
  io: CommandIo,
  limits: Limits,
): Promise<Uint8Array> {
  if (data === undefined) return noBytes;
  if (data === '@-') return io.readInput();
  if (!data.startsWith('@')) return new TextEncoder().encode(data);
  const file = path.resolve(io.machine.workingDirectory, data.slice(1));
  return readNamedFile(file, limits.requestBodyBytesMax);
}

/** The head of an answer as `--include` shows it. */
export function describeHead(head: ReplyHead): string {
  const reason = STATUS_CODES[head.status] ?? '';
  const lines = head.headers.map(([name, value]) => `${name}: ${value}`);
  return `${[`HTTP/1.1 ${head.status} ${reason}`.trim(), ...lines, ''].join('\r\n')}\r\n`;
}
