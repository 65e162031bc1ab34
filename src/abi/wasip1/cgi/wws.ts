/**
 * The protocol called `wws`: one JSON object on standard input, one on standard output.
 * What it calls `kv` is the whole of a program's memory as one object: read before, replaced after,
 * the last writer wins. It is kept under one key of the module's own namespace.
 */

import { Buffer } from 'node:buffer';
import { inBytes } from '../../../amounts.ts';
import type { Capabilities } from '../../../capability/capability.ts';
import type { KeyValue } from '../../../capability/kv/contract.ts';
import { CapabilityRefusal } from '../../../capability/refusal.ts';
import { describeError, TerrafirmaError } from '../../../errors.ts';
import { isLeftToDaemon } from '../../../http/connection-headers.ts';
import { isFieldValue } from '../../../http/fields.ts';
import type { Header, RequestHead } from '../../../http/message.ts';
import { isFinalStatus, statusMax, statusMin } from '../../../http/status.ts';
import { isToken } from '../../../http/token.ts';
import { quoteReceived } from '../../../names/quote.ts';
import type { Exchange } from '../../abi.ts';
import type { Reply } from '../../objects/cgi/reply.ts';
import type { InputStream } from '../../objects/cgi/streams.ts';

const kvKey = new TextEncoder().encode('wws');
const headersMax = 256;

export interface WwsRequestOptions {
  readonly exchange: Exchange;
  readonly keyValue: KeyValue;
  readonly bodyBytesMax: number;
}

/** The request as one object, made when the program first reads. */
export class WwsRequest implements InputStream {
  readonly #options: WwsRequestOptions;
  #bytes: Uint8Array | undefined;
  #pending: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(options: WwsRequestOptions) {
    this.#options = options;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get readyBytes(): number | undefined {
    return this.#failure === undefined ? this.#bytes?.length : 0;
  }

  take(bytesMax: number): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const taken = this.#bytes?.subarray(0, bytesMax);
    this.#bytes = this.#bytes?.subarray(bytesMax);
    return taken;
  }

  whenReady(): Promise<void> {
    if (this.readyBytes !== undefined) return Promise.resolve();
    this.#pending ??= this.#prepare();
    return this.#pending;
  }

  async #prepare(): Promise<void> {
    const { exchange, keyValue, bodyBytesMax } = this.#options;
    try {
      const body = await exchange.readBody(bodyBytesMax);
      const kv = parseObject(await keyValue.get(kvKey).catch(throwAway)) ?? {};
      this.#bytes = Buffer.from(JSON.stringify(describeRequest(exchange.request, { body, kv })));
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}

/** Without what it has stored a program would begin anew, and lose it. */
function throwAway(cause: unknown): never {
  if (!(cause instanceof CapabilityRefusal) || cause.kind !== 'unavailable') throw cause;
  throw new TerrafirmaError('store-away', cause.message, { cause });
}

function describeRequest(
  request: RequestHead,
  { body, kv }: { readonly body: Uint8Array; readonly kv: object },
): object {
  const headers = new Map(request.headers);
  headers.set('host', request.authority);
  return {
    url: `${request.scheme}://${request.authority}${request.target}`,
    method: request.method.toUpperCase(),
    headers: Object.fromEntries(headers),
    body: decodeUtf8(body),
    kv,
    params: {},
  };
}

export interface WwsReplyOptions {
  readonly exchange: Exchange;
  readonly capabilities: Pick<Capabilities, 'keyValue' | 'log'>;
  readonly bytesMax: number;
}

/** Collects the object; answers when the program has ended. */
export class WwsReply implements Reply {
  readonly #options: WwsReplyOptions;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #failure: Error | undefined;

  constructor(options: WwsReplyOptions) {
    this.#options = options;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  write(bytes: Uint8Array): undefined {
    const { bytesMax } = this.#options;
    this.#bytes += bytes.length;
    if (this.#bytes > bytesMax) {
      const detail = `Cannot send the answer: it may have ${inBytes(bytesMax)}: received more`;
      this.#failure = new TerrafirmaError('reply-too-large', detail);
      throw this.#failure;
    }
    this.#pieces.push(bytes);
    return undefined;
  }

  flush(): void {
    // Half an object is no answer.
  }

  end(): void {
    const answer = parseObject(Buffer.concat(this.#pieces));
    if (answer === undefined) throw bad('it must be one JSON object', 'something else');
    const { data, status, base64 } = answer;
    if (typeof data !== 'string') throw bad('"data" must be a string', typeof data);
    const code = Number(status);
    if (!isFinalStatus(code)) {
      throw bad(`"status" must be a number from ${statusMin} to ${statusMax}`, String(status));
    }
    const head = { status: code, headers: parseHeaders(answer.headers) };
    const kv = parseKv(answer.kv);
    this.#store(kv);
    this.#options.exchange.send(head, Buffer.from(data, base64 === true ? 'base64' : 'utf8'));
  }

  /** The answer does not wait for it; a failure is the owner's to read. */
  #store(kv: object | undefined): void {
    if (kv === undefined) return;
    const { keyValue, log } = this.#options.capabilities;
    keyValue.insert(kvKey, Buffer.from(JSON.stringify(kv))).catch((error: unknown) => {
      log.write('error', `Cannot store kv: ${describeError(error)}`);
    });
  }
}

/** `_` in a name stands for `-`, because some languages cannot write the other. */
function parseHeaders(value: unknown): Header[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad('"headers" must be an object', typeof value);
  }
  const headers = new Map<string, string>([['content-type', 'text/html']]);
  for (const [key, text] of Object.entries(value)) {
    const name = key.toLowerCase().replaceAll('_', '-');
    if (!isToken(name)) throw bad('a header name must be a token', quoteReceived(key));
    if (typeof text !== 'string' || !isFieldValue(text)) {
      throw bad(`the value of ${name} must be text without control characters`, typeof text);
    }
    if (!isLeftToDaemon(name)) headers.set(name, text);
  }
  if (headers.size > headersMax) throw bad(`at most ${headersMax} headers`, `${headers.size}`);
  return [...headers];
}

/** Undefined when there is nothing to store. */
function parseKv(value: unknown): object | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value))
    throw bad('"kv" must be an object', typeof value);
  if (!Object.values(value).every((item) => typeof item === 'string')) {
    throw bad('values of "kv" must be strings', 'something else');
  }
  return value;
}

function parseObject(bytes: Uint8Array | undefined): Record<string, unknown> | undefined {
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Empty for what is no UTF-8, as the original does. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return '';
    throw error;
  }
}

function bad(rule: string, received: string): TerrafirmaError {
  const detail = `Cannot read the answer: ${rule}: received ${received}`;
  return new TerrafirmaError('bad-reply', detail);
}
