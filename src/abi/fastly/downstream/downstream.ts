/** The visitor's request as the guest holds it: one object, one body, always the same handles. */
import type { Header, RequestHead } from '../../../http/message.ts';
import { ExchangeBody } from '../../objects/exchange-body.ts';
import { guestPathOf, withPrefix } from '../../objects/guest-path.ts';
import { HeaderMap } from '../../objects/headers.ts';
import { type MessageVersion, RequestObject } from '../../objects/messages.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FastlyRun } from '../run.ts';
import { FastlyFault } from '../status.ts';

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
    const path = guestPathOf(head, capabilities.settings.modulePath);
    const headers = withPrefix(namedHeaders(head), path);
    const upgrade = exchange.upgradeWanted;
    return {
      method: head.method,
      url: urlOf(head, path.target),
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
    this.#run.held.hold(request.heldBytes);
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
function urlOf({ authority, scheme }: RequestHead, target: string): string {
  return `${scheme}://${authority === '' ? 'localhost' : authority}${target}`;
}

/** With `host`, which HTTP/2 need not have. */
function namedHeaders({ authority, headers }: RequestHead): readonly Header[] {
  const isNamed = authority === '' || headers.some(([name]) => name === 'host');
  return isNamed ? headers : [['host', authority], ...headers];
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
