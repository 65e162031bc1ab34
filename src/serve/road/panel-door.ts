/**
 * Brings the requests for the owners' dashboard to the control plane, and its answers back. Only
 * what the page needs is brought: nobody can say more in a header than the page does. Touches the
 * panel's socket.
 */
import { Buffer } from 'node:buffer';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { Counts } from '../../account/counts.ts';
import { mayHold } from '../../account/threshold.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import { clientNetwork, type HostName } from '../../names.ts';
import { clientHeader } from '../../threads/panel.ts';
import type { HttpExchange } from '../exchange.ts';
import { FailurePace } from './failure-pace.ts';

export interface PanelDoorOptions {
  readonly hostName: HostName;
  readonly socketPath: string;
  /** Requests that the thread brings at once, streams among them; one client has half at most. */
  readonly requestsMax: number;
}

const broughtHeaders: ReadonlySet<string> = new Set([
  ...['accept', 'content-type', 'cookie', 'if-match', 'if-none-match', 'last-event-id', 'origin'],
]);
/** Of the panel's answers; what belongs to one connection stays on it. */
const returnedHeaders: ReadonlySet<string> = new Set([
  ...['cache-control', 'content-security-policy', 'content-type', 'cross-origin-opener-policy'],
  ...['cross-origin-resource-policy', 'etag', 'referrer-policy', 'retry-after', 'set-cookie'],
  ...['x-content-type-options', 'x-frame-options', 'x-revision'],
]);
/** Each takes half a millisecond of the thread: a tenth of it, in turn by client. */
const broughtPerPeriod = 2;
/** Who asks for too much asks again as soon as he is told so. */
const refusalHoldMs = 250;
/** The panel takes no larger one. */
const bodyBytesMax = 1024 * 1024;

interface Refusal {
  readonly head: ReplyHead;
  readonly body: Uint8Array;
}

export class PanelDoor {
  readonly hostName: HostName;
  readonly #socketPath: string;
  readonly #requestsMax: number;
  /** By client: the control plane takes no more connections than it can serve. */
  readonly #underWay = new Counts<string>();
  readonly #pace = new FailurePace(broughtPerPeriod);

  constructor({ hostName, socketPath, requestsMax }: PanelDoorOptions) {
    this.hostName = hostName;
    this.#socketPath = socketPath;
    this.#requestsMax = requestsMax;
  }

  /** Rejects with TerrafirmaError `panel-https`, `overloaded`, `request-too-large`, … */
  async answer(exchange: HttpExchange): Promise<void> {
    const { scheme, clientAddress } = exchange.request;
    if (scheme !== 'https') throw new TerrafirmaError('panel-https');
    const turn = this.#pace.wait(clientAddress);
    if (turn !== undefined) await turn;
    const client = clientNetwork(clientAddress);
    this.#requireRoom(client);
    this.#underWay.add(client, 1);
    let refusal: Refusal | undefined;
    try {
      refusal = await this.#bring(exchange);
    } finally {
      this.#underWay.add(client, -1);
    }
    if (refusal === undefined) return;
    await setTimeout(refusalHoldMs, undefined, { ref: false });
    if (!exchange.isGone) exchange.send(refusal.head, refusal.body);
  }

  #requireRoom(client: string): void {
    const { total: held } = this.#underWay;
    const own = this.#underWay.of(client);
    if (mayHold({ max: this.#requestsMax, held, own, added: 1 })) return;
    const rule = 'too many requests are for the dashboard, or too many of them are yours';
    throw new TerrafirmaError('overloaded', `Cannot answer now: ${rule}`);
  }

  /** What the control plane refuses, it may take too much to be told of at once. */
  async #bring(exchange: HttpExchange): Promise<Refusal | undefined> {
    const body = await exchange.readBody(bodyBytesMax);
    const response = await this.#ask(exchange, body);
    const head = { status: response.statusCode ?? 502, headers: returned(response) };
    if (head.status === 429 || head.status === 503) {
      return { head, body: Buffer.concat(await response.toArray().catch(refuseAway)) };
    }
    exchange.start(head);
    // A stream of events may have none for a while, and the page wants to know that it is open.
    exchange.taker?.flushHeadSoon();
    exchange.onGone(() => response.destroy());
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        if (exchange.isGone) return undefined;
        await exchange.write(chunk);
      }
      exchange.end();
    } catch {
      // The control plane ends, or the visitor has gone: either way the answer is not whole.
      exchange.abort();
    } finally {
      exchange.onGone(undefined);
    }
    return undefined;
  }

  #ask(exchange: HttpExchange, body: Uint8Array): Promise<IncomingMessage> {
    const { request: asked } = exchange;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request({
      socketPath: this.#socketPath,
      method: asked.method,
      path: asked.target,
      headers: {
        ...brought(asked.headers),
        host: asked.authority,
        [clientHeader]: asked.clientAddress,
        'content-length': String(body.length),
      },
    });
    const giveUp = (): void => {
      outgoing.destroy();
    };
    exchange.onGone(giveUp);
    outgoing.once('response', resolve);
    outgoing.once('error', (cause) => {
      reject(new TerrafirmaError('panel-away', undefined, { cause }));
    });
    outgoing.end(body);
    return promise;
  }
}

function refuseAway(cause: unknown): never {
  throw new TerrafirmaError('panel-away', undefined, { cause });
}

/** Several lines of one name are one value (RFC 9110, section 5.3; cookies by RFC 9113, 8.2.3). */
function brought(headers: readonly Header[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (!broughtHeaders.has(key)) continue;
    const before = kept[key];
    const between = key === 'cookie' ? '; ' : ', ';
    kept[key] = before === undefined ? value : `${before}${between}${value}`;
  }
  return kept;
}

function returned({ rawHeaders }: IncomingMessage): readonly Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (returnedHeaders.has(name.toLowerCase())) headers.push([name, rawHeaders[at + 1] ?? '']);
  }
  return headers;
}
