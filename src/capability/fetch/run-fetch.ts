/** Outbound HTTP of one run: redirects, limits and counts. */
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import { noBytes } from '../../http/body.ts';
import { BodyQueue } from '../../http/body-queue.ts';
import type { LateReply } from '../../http/late-reply.ts';
import type { Header } from '../../http/message.ts';
import type { OutboundResult } from '../../journal/counter-fields.ts';
import type { RunSpans } from '../../journal/spans.ts';
import { type FolderKey, ownerOf } from '../../names.ts';
import { CapabilityRefusal } from '../refusal.ts';
import { type AdmissionLimits, admitRequest } from './admission.ts';
import { hostFor, originOf, RunBackends } from './backends.ts';
import type {
  Backend,
  BackendHealth,
  Fetch,
  FetchFault,
  OutboundReply,
  OutboundRequest,
  ReplyBody,
  StreamedReply,
  TunnelRequest,
} from './contract.ts';
import { ServerExchange } from './exchange.ts';
import { FaultyRefusal, faultOf } from './faults.ts';
import { type FetchGrant, requireGranted, wholeFetchGrant } from './grant.ts';
import { withoutGzip } from './gunzip.ts';
import { redirected } from './headers.ts';
import type { HeldBytes } from './held-bytes.ts';
import { Patience } from './patience.ts';
import type { Destination } from './pools.ts';
import { isStaleConnection, limitRefusal, toRefusal } from './refusals.ts';
import { isStreamed, watchPieces } from './sent-body.ts';
import type { Entered, Visits } from './visits.ts';

export type RunFetchLimits = AdmissionLimits &
  Pick<
    Limits,
    | 'outboundRequestsPerRunMax'
    | 'outboundReplyBytesMax'
    | 'outboundTimeoutMs'
    | 'outboundRedirectsMax'
    | 'replyHeadersMax'
  >;

/** A run whose requests may come back to this installation. */
export interface NamedCaller {
  /** Asked once, before the first request. */
  name(): string;
}

export interface RunOrigin {
  readonly folderKey: FolderKey;
  /** From `countLoopHops` of the request that started the run; 0 when it is not known. */
  readonly loopHops: number;
  /** From `Visits.enter` of that request; left out where a visitor sent it. */
  readonly visit?: Entered | undefined;
  /** Left out where nobody knows the run by a name. */
  readonly caller?: NamedCaller | undefined;
  /** Left out: all that guests may reach. */
  readonly grant?: FetchGrant;
  /** Told how each request has ended that the run makes. */
  readonly onEnd?: (result: OutboundResult) => void;
  readonly spans?: RunSpans | undefined;
}

/** A request and its URL, read. */
export interface SentRequest {
  readonly request: OutboundRequest;
  readonly url: URL;
  /** To go on with; see `Fetch.openTunnel`. */
  readonly protocol: string | undefined;
}

/** The thread's part: connections, and what all runs hold together. */
export interface Outbound {
  readonly limits: RunFetchLimits;
  readonly visits: Visits;
  readonly held: HeldBytes;
  healthOf(folderKey: FolderKey, backend: Backend): BackendHealth;
  /** Sends one request; `exchange` gets the reply. */
  dispatch(destination: Destination, sent: SentRequest, exchange: ServerExchange): void;
}

/** What all whole replies of one run may weigh together, in replies of full size. */
const fullRepliesPerRunMax = 4;
const trailersWanted: Header = ['te', 'trailers'];

export class RunFetch implements Fetch {
  readonly backends: RunBackends;
  readonly #outbound: Outbound;
  readonly #origin: RunOrigin;
  readonly #grant: FetchGrant;
  #requests = 0;
  #replyBytes = 0;
  #visit: string | undefined;

  constructor(outbound: Outbound, origin: RunOrigin) {
    this.#outbound = outbound;
    this.#origin = origin;
    this.#grant = origin.grant ?? wholeFetchGrant;
    this.backends = new RunBackends({
      grant: this.#grant,
      healthOf: (backend) => outbound.healthOf(origin.folderKey, backend),
      limits: outbound.limits,
    });
  }

  async send(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply> {
    const { outboundTimeoutMs: timeoutMs } = this.#outbound.limits;
    const patience = new Patience(signal, { timeoutMs, what: 'the reply must be whole' });
    try {
      const exchange = await this.#follow(request, patience);
      return { ...(await exchange.head), body: await this.#collect(exchange.body) };
    } catch (error) {
      throw toRefusal(error);
    } finally {
      patience.end();
    }
  }

  async open(request: OutboundRequest, signal: AbortSignal): Promise<StreamedReply> {
    const { outboundTimeoutMs } = this.#outbound.limits;
    const timeoutMs = Math.min(request.firstByteMs ?? outboundTimeoutMs, outboundTimeoutMs);
    const patience = new Patience(signal, { timeoutMs, what: 'the reply must begin' });
    try {
      const { body: sent } = request;
      // A long body takes its time: a server seldom answers before it has come.
      const body = isStreamed(sent) ? watchPieces(sent, () => patience.renew()) : sent;
      const exchange = await this.#follow({ ...request, body }, patience);
      patience.stopTimer();
      exchange.onceDone(() => patience.end());
      const reply = { ...(await exchange.head), body: exchange.body };
      return request.decodesGzip === true ? withoutGzip(reply) : reply;
    } catch (error) {
      patience.end();
      throw toRefusal(error);
    }
  }

  async openTunnel(request: TunnelRequest, signal: AbortSignal): Promise<LateReply> {
    const { outboundTimeoutMs: timeoutMs } = this.#outbound.limits;
    const patience = new Patience(signal, { timeoutMs, what: 'the reply must begin' });
    try {
      const exchange = await this.#follow({ ...request, redirects: 'give' }, patience);
      patience.stopTimer();
      const head = await exchange.head;
      if (exchange.tunnel !== undefined) return { head, body: exchange.tunnel };
      return { head, body: exchange.body };
    } catch (error) {
      throw toRefusal(error);
    } finally {
      patience.end();
    }
  }

  faultOf(error: unknown): FetchFault {
    return faultOf(error);
  }

  /** The exchange at the end of all redirects that are followed, with its head. */
  async #follow(request: OutboundRequest, patience: Patience): Promise<ServerExchange> {
    const { onEnd, spans } = this.#origin;
    const endSpan = spans?.begin(`outbound ${request.method} ${hostOf(request)}`, 'client');
    try {
      const exchange = await this.#followAll(request, patience);
      const { status } = await exchange.head;
      onEnd?.(status < 500 ? 'answered' : 'error');
      endSpan?.(status >= 500, { 'http.response.status_code': status });
      return exchange;
    } catch (error) {
      const isRefused = error instanceof CapabilityRefusal && error.kind !== 'unavailable';
      onEnd?.(isRefused ? 'refused' : 'failed');
      endSpan?.(true);
      throw error;
    }
  }

  async #followAll(request: OutboundRequest, patience: Patience): Promise<ServerExchange> {
    const { outboundRedirectsMax: redirectsMax } = this.#outbound.limits;
    let current: OutboundRequest;
    try {
      current = this.#admit(this.#named(request));
    } catch (error) {
      if (isStreamed(request.body)) request.body.cancel();
      throw error;
    }
    const follows =
      (current.redirects ?? (current.backend === undefined ? 'follow' : 'give')) === 'follow';
    for (let redirects = 0; ; redirects += 1) {
      const exchange = await this.#exchange(current, patience);
      const start = await exchange.head;
      const next = follows ? this.#redirected(current, start, exchange) : undefined;
      if (next === undefined) return exchange;
      if (redirects >= redirectsMax) {
        exchange.body.cancel();
        throw limitRefusal(
          `at most ${redirectsMax} redirects are followed`,
          `one more to ${next.url}`,
        );
      }
      await exchange.dismiss();
      current = next;
    }
  }

  #redirected(
    request: OutboundRequest,
    start: { readonly status: number; readonly headers: OutboundReply['headers'] },
    exchange: ServerExchange,
  ): OutboundRequest | undefined {
    try {
      const next = redirected(request, start);
      if (next !== undefined) requireGranted(this.#grant, next.url);
      return next;
    } catch (error) {
      exchange.body.cancel();
      throw error;
    }
  }

  /** ABIs without a word for back-ends name one as a host: `http://origin/cart`. */
  #named(request: OutboundRequest): OutboundRequest {
    if (request.backend !== undefined || this.#grant.backends.size === 0) return request;
    return { ...request, ...this.backends.namedBy(request.url) };
  }

  #admit(request: OutboundRequest): OutboundRequest {
    const { limits, visits } = this.#outbound;
    const { caller, loopHops: hops, visit: entered } = this.#origin;
    this.#visit ??= visits.open(entered, caller?.name());
    const traced = withTrace(request, this.#origin.spans?.header);
    const admitted = admitRequest(traced, { limits, hops, visit: this.#visit });
    if (request.backend === undefined) {
      requireGranted(this.#grant, admitted.url);
      return admitted;
    }
    const backend = this.backends.require(request.backend);
    const others = admitted.headers.filter(([name]) => name !== 'host');
    // gRPC asks for its trailers by name; elsewhere this says something about another connection.
    const te: Header[] = backend.grpc === true && asksForTrailers(request) ? [trailersWanted] : [];
    return { ...admitted, headers: [['host', hostFor(backend, admitted)], ...others, ...te] };
  }

  /**
   * One request and its reply's head. A kept connection may be closed by the server in the moment
   * it is used again; what is safe to repeat is then repeated once (RFC 9110, section 9.2.2).
   */
  async #exchange(request: OutboundRequest, patience: Patience): Promise<ServerExchange> {
    const first = this.#dispatch(request, patience);
    try {
      await first.head;
      return first;
    } catch (error) {
      const isSafe = request.method === 'GET' || request.method === 'HEAD';
      const isEmpty = !isStreamed(request.body) && request.body.byteLength === 0;
      if (!isSafe || !isEmpty || first.hasBegun || !isStaleConnection(error)) throw error;
      const second = this.#dispatch(request, patience);
      await second.head;
      return second;
    }
  }

  #dispatch(request: OutboundRequest, patience: Patience): ServerExchange {
    const { limits } = this.#outbound;
    this.#requests += 1;
    if (this.#requests > limits.outboundRequestsPerRunMax) {
      const rule = `a run may send ${limits.outboundRequestsPerRunMax} requests, redirects counted`;
      throw limitRefusal(rule, 'one more');
    }
    const { folderKey } = this.#origin;
    const owner = ownerOf(folderKey);
    const budget = {
      take: (bytes: number) => this.#outbound.held.hold(owner, bytes),
      release: (bytes: number) => this.#outbound.held.release(owner, bytes),
    };
    const exchange = new ServerExchange(
      { headersMax: limits.replyHeadersMax, budget },
      isStreamed(request.body) ? request.body : undefined,
    );
    patience.watch(exchange);
    const backend: Backend | undefined =
      request.backend === undefined ? undefined : this.backends.require(request.backend);
    const url = new URL(request.url);
    const origin = backend === undefined ? url.origin : originOf(backend);
    const sent = { request, url, protocol: protocolOf(request) };
    this.#outbound.dispatch({ folderKey, origin, backend }, sent, exchange);
    if (request.connectMs !== undefined) limitConnecting(exchange, request.connectMs);
    return exchange;
  }

  /** All of a body, held on the thread until it is whole. */
  async #collect(body: ReplyBody): Promise<Uint8Array> {
    const { outboundReplyBytesMax: bytesMax } = this.#outbound.limits;
    const owner = ownerOf(this.#origin.folderKey);
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    let heldBytes = 0;
    try {
      for (;;) {
        const piece = await body.read();
        if (piece === undefined) break;
        const refusal = this.#take(piece, bytes + piece.byteLength, bytesMax);
        if (refusal !== undefined) throw refusal;
        bytes += piece.byteLength;
        heldBytes += BodyQueue.weigh(piece);
        pieces.push(piece);
      }
      return join(pieces, bytes);
    } finally {
      body.cancel();
      this.#outbound.held.release(owner, heldBytes);
    }
  }

  #take(piece: Uint8Array, ofReply: number, replyBytesMax: number): CapabilityRefusal | undefined {
    const bytes = piece.byteLength;
    if (ofReply > replyBytesMax) {
      return limitRefusal(`a reply has at most ${inBytes(replyBytesMax)}`, 'more');
    }
    const runBytesMax = replyBytesMax * fullRepliesPerRunMax;
    if (this.#replyBytes + bytes > runBytesMax) {
      return limitRefusal(`all replies of a run have at most ${inBytes(runBytesMax)}`, 'more');
    }
    // A server may send a byte at a time.
    const weight = BodyQueue.weigh(piece);
    const refusal = this.#outbound.held.hold(ownerOf(this.#origin.folderKey), weight);
    if (refusal === undefined) this.#replyBytes += bytes;
    return refusal;
  }
}

/** The operator's own limit holds for the connection itself, which others may wait for, too. */
function limitConnecting(exchange: ServerExchange, connectMs: number): void {
  const timer = setTimeout(() => {
    const message = `Cannot fetch: the connection must be there within ${connectMs} ms`;
    const fault = { type: 'connection_timeout' } as const;
    exchange.giveUp(new FaultyRefusal('timeout', `${message}: received none`, { fault }));
  }, connectMs);
  exchange.onceConnected(() => clearTimeout(timer));
}

function asksForTrailers({ headers }: OutboundRequest): boolean {
  return headers.some(([name, value]) => name.toLowerCase() === 'te' && value === 'trailers');
}

function protocolOf(request: OutboundRequest | TunnelRequest): string | undefined {
  return 'protocol' in request ? request.protocol : undefined;
}

function join(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = pieces;
  if (only === undefined) return noBytes;
  // Of a whole buffer of its own: a view would keep the rest of it.
  if (pieces.length === 1 && only.byteLength === only.buffer.byteLength) return only;
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.byteLength;
  }
  return body;
}

/** For the name of a span: a back-end's own, or where the request goes. */
function hostOf({ backend, url }: OutboundRequest): string {
  return backend ?? (URL.canParse(url) ? new URL(url).hostname : '');
}

/** The operator wants servers to know of the trace: what the module says of one gives way. */
function withTrace(request: OutboundRequest, header: string | undefined): OutboundRequest {
  if (header === undefined) return request;
  const others = request.headers.filter(([name]) => name.toLowerCase() !== 'traceparent');
  return { ...request, headers: [...others, ['traceparent', header]] };
}
