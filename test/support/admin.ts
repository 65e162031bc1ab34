/** Asks the admin socket of a daemon that a test has started. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import type { TestDaemon } from './daemon.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect to be there.
  readonly json: any;
}

export interface AdminAsked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** By TCP instead. */
  readonly port?: number;
}

export function socketOf(daemon: Pick<TestDaemon, 'stateDirectory'>): string {
  return join(daemon.stateDirectory, 'admin.sock');
}

export async function askAdmin(
  socketPath: string,
  path: string,
  asked: AdminAsked = {},
): Promise<AdminAnswer> {
  const response = await openAdmin(socketPath, path, asked);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isJson = /json/.test(response.headers['content-type'] ?? '');
  const { headers, statusCode: status = 0 } = response;
  return { status, headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** A change: its body is JSON. */
export function changeAdmin(
  socketPath: string,
  method: string,
  path: string,
  value: unknown,
): Promise<AdminAnswer> {
  const headers = { 'content-type': 'application/json' };
  return askAdmin(socketPath, path, { method, headers, body: JSON.stringify(value) });
}

export async function openAdmin(
  socketPath: string,
  path: string,
  { body, headers, method = 'GET', port }: AdminAsked = {},
): Promise<IncomingMessage> {
  const where = port === undefined ? { socketPath } : { host: '127.0.0.1', port };
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const all = { host: 'admin', ...length, ...headers };
  const outgoing = request({ ...where, path, method, headers: all });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  return response as IncomingMessage;
}
