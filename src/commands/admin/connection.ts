/** The command line's way to a daemon that runs: by its admin socket, or by TCP with its token. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { TerrafirmaError } from '../../errors.ts';

/** Where a daemon answers. */
export type Place =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'url'; readonly url: URL; readonly token: string };

export interface Asked {
  readonly method?: string;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Uint8Array;
}

/** Nothing that is asked takes longer, but a backup and a stream. */
const silenceMsMax = 120_000;

export class Connection {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Where it is reached: its socket, or its URL. */
  get name(): string {
    return this.#place.kind === 'socket' ? this.#place.path : this.#place.url.href;
  }

  /** Rejects with TerrafirmaError `unreachable`, and what the daemon refuses with. */
  async ask(path: string, asked: Asked = {}): Promise<Answered> {
    const response = await this.#send(path, asked);
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) chunks.push(chunk);
    } catch (error) {
      throw this.#unreachable(error);
    }
    const { headers, statusCode: status = 0 } = response;
    const bytes = Buffer.concat(chunks);
    if (status >= 400) throw refusal(bytes, status);
    return { status, headers, bytes };
  }

  /** The same of a verb that answers JSON. */
  async json(path: string, asked: Asked = {}): Promise<Readonly<Record<string, unknown>>> {
    const { bytes } = await this.ask(path, asked);
    return JSON.parse(Buffer.from(bytes).toString());
  }

  /** Asks for a change; `value` is the body. */
  change(method: string, path: string, value: unknown): ReturnType<Connection['json']> {
    const body = Buffer.from(JSON.stringify(value));
    return this.json(path, { method, body, headers: { 'content-type': 'application/json' } });
  }

  /** A stream of events. Rejects as `ask` does, and when the stream breaks. */
  async *events(
    path: string,
    lastId: string | undefined,
  ): AsyncGenerator<{ readonly name: string; readonly data: string; readonly id?: string }> {
    const headers = {
      accept: 'text/event-stream',
      ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
    };
    const response = await this.#send(path, { headers });
    if (response.statusCode !== 200) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of response as AsyncIterable<Uint8Array>) chunks.push(chunk);
      throw refusal(Buffer.concat(chunks), response.statusCode ?? 0);
    }
    response.setEncoding('utf8');
    let text = '';
    for await (const chunk of response as AsyncIterable<string>) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const event = parseEvent(text.slice(0, end));
        text = text.slice(end + 2);
        if (event !== undefined) yield event;
      }
    }
  }

  /** Whether anybody answers there. */
  async isAlive(): Promise<boolean> {
    try {
      await this.ask('/healthz');
      return true;
    } catch (error) {
      return !(error instanceof TerrafirmaError && error.code === 'unreachable');
    }
  }

  async #send(
    path: string,
    { body, headers = {}, method = 'GET' }: Asked,
  ): Promise<IncomingMessage> {
    const place = this.#place;
    // Node says how long a body is of its own accord, but not with DELETE.
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const all = { ...headers, ...length };
    const outgoing: ClientRequest =
      place.kind === 'socket'
        ? request({ socketPath: place.path, path, method, headers: { host: 'admin', ...all } })
        : request(new URL(path, place.url), {
            method,
            headers: { authorization: `Bearer ${place.token}`, ...all },
          });
    if (headers.accept === undefined) {
      outgoing.setTimeout(silenceMsMax, () => outgoing.destroy(new Error('no answer in time')));
    }
    try {
      outgoing.end(body);
      const [response] = await once(outgoing, 'response');
      return response as IncomingMessage;
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  #unreachable(cause: unknown): TerrafirmaError {
    const { code, message } = cause as NodeJS.ErrnoException;
    return new TerrafirmaError(
      'unreachable',
      'Cannot reach the daemon: its admin socket must answer: received ' +
        `${code ?? message} at ${this.name}; is it running, with this --state?`,
      { cause },
    );
  }
}

/** What the daemon said, as it said it. */
function refusal(bytes: Uint8Array, status: number): TerrafirmaError {
  const text = Buffer.from(bytes).toString();
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) {
      return new TerrafirmaError('refused', String(problem.detail));
    }
  } catch {
    // Not one of ours: told below.
  }
  return new TerrafirmaError('refused', `Cannot do it: the daemon answered ${status}`);
}

function parseEvent(
  text: string,
): { readonly name: string; readonly data: string; readonly id?: string } | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^(event|data|id): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined) fields.set(name, value);
  }
  const data = fields.get('data');
  const id = fields.get('id');
  if (data === undefined) return undefined;
  return { name: fields.get('event') ?? 'message', data, ...(id === undefined ? {} : { id }) };
}

/** Undefined where there is no such file. */
export function readTokenFile(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}
