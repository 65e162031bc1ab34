/** The visitor's request as the guest holds it: one object, one body, always the same handles. */
import type { Header, RequestHead } from '../../../http/message.ts';
import { pathOf } from '../../../http/target.ts';
import { ExchangeBody } from '../../objects/exchange-body.ts';
import { HeaderMap } from '../../objects/headers.ts';
import { type MessageVersion, RequestObject } from '../../objects/messages.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FastlyRun } from '../run.ts';
import { FastlyFault } from '../status.ts';

/** What a guest that is not asked at the root is told of where it is, so that its router works. */
const prefixHeader = 'x-forwarded-prefix';

export interface DownstreamHandles {
  readonly request: number;
  readonly body: number;
}

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly Header[];
}

const connectionWanted: Header = ['connection', 'Upgrade'];

class Downstream {
  readonly head: RequestHead;
  readonly #run: FastlyRun;
  #handles: DownstreamHandles | undefined;

  constructor(run: FastlyRun) {
    this.#run = run;
    this.head = run.exchange.request;
  }

  get handles(): DownstreamHandles {
    this.#handles ??= this.#open();
    return this.#handles;
  }

  /** As it came, whatever the guest has made of it since. */
  get received(): ReceivedRequest {
    const { exchange, capabilities } = this.#run;
    const { head } = this;
    const prefix = prefixOf(head, capabilities.settings.modulePath);
    const headers = headersOf(head, prefix);
    const upgrade = exchange.upgradeWanted;
    return {
      method: head.method,
      url: urlOf(head, prefix),
      // Guests tell by these fields that somebody wants a WebSocket.
      headers:
        upgrade === undefined ? headers : [...headers, connectionWanted, ['upgrade', upgrade]],
    };
  }

  #open(): DownstreamHandles {
    const { requests, bodies, exchange, headerLimits } = this.#run;
    const { method, url, headers } = this.received;
    const request = new RequestObject({
      method,
      url,
      headers: HeaderMap.of(headers, headerLimits),
      version: versionOf(this.head),
    });
    // Its head is the run's to keep, or to give back by closing it.
    this.#run.held.hold(request.headers.heldBytes);
    const body = this.#run.newBody(exchange.hasBody ? new ExchangeBody(exchange) : undefined);
    return { request: requests.add(request), body: bodies.add(body) };
  }
}

/** That of the run; a family state. */
export function downstream(run: FastlyRun): Downstream {
  return new Downstream(run);
}

/**
 * The head that `handle` was received with, whatever became of the request since; undefined for a
 * request of the guest's own.
 *
 * @throws FastlyFault `badf` for what is no request.
 */
export function receivedHead({ run }: FastlyGuest, handle: number): RequestHead | undefined {
  const { handles, head } = run.of(downstream);
  if (handle === handles.request) return head;
  if (run.requests.find(handle) === undefined) throw new FastlyFault('badf');
  return undefined;
}

/** Guests take it apart: it is always a whole one. */
function urlOf(head: RequestHead, prefix: string | undefined): string {
  const host = head.authority === '' ? 'localhost' : head.authority;
  return `${head.scheme}://${host}${prefix === undefined ? head.target : ownTarget(head, prefix)}`;
}

/**
 * The path up to the module's name, where it was asked for by that, or by that of a version
 * (`/app.wasm@3f5a9c1d`). What answers as an `index.wasm` or by a route sees all of the path.
 */
function prefixOf({ scriptName }: RequestHead, modulePath: string): string | undefined {
  const own = `/${modulePath}`;
  return scriptName === own || scriptName.startsWith(`${own}@`) ? scriptName : undefined;
}

/** Path and query behind the module's name, as they came. */
function ownTarget({ target }: RequestHead, prefix: string): string {
  const path = pathOf(target);
  const segments = path.split('/').slice(prefix.split('/').length);
  return `/${segments.join('/')}${target.slice(path.length)}`;
}

function headersOf(head: RequestHead, prefix: string | undefined): readonly Header[] {
  const isNamed = head.headers.some(([name]) => name === 'host');
  const named: Header[] = isNamed || head.authority === '' ? [] : [['host', head.authority]];
  if (prefix === undefined) return [...named, ...head.headers];
  const others = head.headers.filter(([name]) => name !== prefixHeader);
  return [...named, ...others, [prefixHeader, Buffer.from(prefix, 'utf8').toString('latin1')]];
}

const versions: ReadonlyMap<string, MessageVersion> = new Map([
  ['1.0', '1.0'],
  ['1.1', '1.1'],
  ['2', '2'],
  ['2.0', '2'],
]);

function versionOf({ httpVersion }: RequestHead): MessageVersion {
  return versions.get(httpVersion) ?? '1.1';
}
