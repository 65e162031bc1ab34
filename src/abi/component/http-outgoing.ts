/** Requests that a guest sends, and what comes back, as `wasi:http` has them. */
import type { OutboundRequest, StreamedReply } from '../../capability/fetch/contract.ts';
import { noBytes, PassedBody, type ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';
import type { NextInChain } from '../abi.ts';
import { Body } from '../objects/body.ts';
import type { Pending } from '../objects/pending.ts';
import { CountedResource, counted } from './counted-resource.ts';
import { errorCode, errorCodeOf } from './error-codes.ts';
import { type HostFunction, prompt } from './functions.ts';
import type { ComponentGuest, ComponentRun } from './guest.ts';
import { HostResource } from './handles.ts';
import { declaredLength, IncomingBody, newBody, OutgoingBody } from './http-bodies.ts';
import { Fields, headerLimitsOf } from './http-fields.ts';
import { headersToSend } from './http-reply.ts';
import { RequestTarget } from './http-target.ts';
import { methodName, schemeName } from './http-words.ts';
import { Pollable } from './io.ts';
import { failed, ok, type Variant } from './results.ts';

const nsPerMs = 1_000_000n;
/** Longer no timer is; the operator's own limits are below. */
const timeoutMsMax = 2 ** 31 - 1;

export class RequestOptions extends HostResource {
  readonly timeouts = new Map<TimeoutName, bigint>();
}

export type TimeoutName = 'connect' | 'first-byte' | 'between-bytes';

export class OutgoingRequest extends CountedResource {
  readonly fields: Fields;
  readonly target = new RequestTarget();
  body: OutgoingBody | undefined;

  constructor(fields: Fields) {
    super();
    fields.freeze();
    this.fields = fields;
  }

  openBody(guest: ComponentGuest): Variant {
    if (this.body !== undefined) return failed();
    const declared = declaredLength(this.fields);
    this.body = new OutgoingBody(newBody(guest), { declared, limit: Number.POSITIVE_INFINITY });
    return ok(this.body);
  }

  override drop(): void {
    super.drop();
    this.fields.drop();
  }
}

export class IncomingResponse extends HostResource {
  readonly #reply: StreamedReply;
  #isConsumed = false;

  constructor(reply: StreamedReply) {
    super();
    this.#reply = reply;
  }

  get status(): number {
    return this.#reply.status;
  }

  headers(guest: ComponentGuest): Fields {
    return Fields.of(this.#reply.headers, headerLimitsOf(guest)).countedFor(guest);
  }

  consume(guest: ComponentGuest): Variant {
    if (this.#isConsumed) return failed();
    this.#isConsumed = true;
    const { held } = guest.run;
    const options = { held, headerLimits: headerLimitsOf(guest) };
    return ok(new IncomingBody(Body.of(this.#reply.body, options)));
  }

  override drop(): void {
    super.drop();
    if (!this.#isConsumed) this.#reply.body.cancel();
  }
}

export class FutureIncomingResponse extends HostResource {
  readonly #pending: Pending<StreamedReply>;
  #isGiven = false;

  constructor(pending: Pending<StreamedReply>) {
    super();
    this.#pending = pending;
  }

  get isReady(): boolean {
    return this.#pending.isReady;
  }

  whenReady(): Promise<void> {
    return this.#pending.whenReady();
  }

  get({ run }: ComponentGuest): Variant | undefined {
    const { outcome } = this.#pending;
    if (outcome === undefined) return undefined;
    if (this.#isGiven) return failed();
    this.#isGiven = true;
    if (outcome.kind === 'failed') {
      return ok(failed(errorCodeOf(outcome.error, run.capabilities.fetch)));
    }
    return ok(ok(new IncomingResponse(outcome.value)));
  }

  override drop(): void {
    super.drop();
    if (!this.#isGiven) this.#pending.giveUp();
  }
}

export interface RequestParts {
  readonly target: RequestTarget;
  readonly headers: readonly Header[];
  readonly body: OutgoingBody | undefined;
  /** What the headers say of its length. */
  readonly declaredBytes: number | undefined;
  readonly timeouts: ReadonlyMap<TimeoutName, bigint> | undefined;
}

/** Sends it; answers what is under way, or an `error-code` where it cannot be sent. */
export function openRequest(
  guest: ComponentGuest,
  { target, headers, body, declaredBytes, timeouts }: RequestParts,
): Pending<StreamedReply> | Variant {
  const { run } = guest;
  const method = methodName(target.method);
  if (method === undefined) return errorCode('HTTP-request-method-invalid');
  const scheme = target.scheme === undefined ? 'https' : schemeName(target.scheme);
  if (scheme !== 'http' && scheme !== 'https') return errorCode('HTTP-protocol-error');
  const { path = '' } = target;
  const next = nextFor(run, target);
  const authority = target.authority ?? (next && run.exchange.request.authority);
  if (authority === undefined) return errorCode('HTTP-request-URI-invalid');
  const slash = path === '' || path.startsWith('/') ? '' : '/';
  const url = `${scheme}://${authority}${slash}${path}`;
  // Of what stays inside the site the path alone is looked at, as any visitor's.
  if (next === undefined && !URL.canParse(url)) return errorCode('HTTP-request-URI-invalid');
  const outbound: OutboundRequest = {
    method,
    url,
    headers,
    body: bodyToSend(body, declaredBytes),
    redirects: 'give',
    connectMs: timeoutOf(timeouts, 'connect'),
    firstByteMs: timeoutOf(timeouts, 'first-byte'),
    betweenBytesMs: timeoutOf(timeouts, 'between-bytes'),
  };
  if (next !== undefined) return run.pending.start((giving) => next.open(outbound, giving));
  const { fetch } = run.capabilities;
  return run.pending.start(({ signal }) => fetch.open(outbound, signal));
}

/** Behind a link of middleware is the site itself: what is sent there does not leave. */
function nextFor(
  { exchange }: ComponentRun,
  { authority }: RequestTarget,
): NextInChain | undefined {
  const { next, request } = exchange;
  const isOwn =
    authority === undefined || authority.toLowerCase() === request.authority.toLowerCase();
  return isOwn ? next : undefined;
}

/** `result<future-incoming-response, error-code>`. */
function send(
  guest: ComponentGuest,
  { target, fields, body }: OutgoingRequest,
  options: RequestOptions | undefined,
): Variant {
  const pending = openRequest(guest, {
    ...{ target, body, headers: headersToSend(fields), declaredBytes: declaredLength(fields) },
    timeouts: options?.timeouts,
  });
  return 'tag' in pending ? failed(pending) : ok(new FutureIncomingResponse(pending));
}

/** What setting a part of its target gave; the target counts. */
export function aimed(
  guest: ComponentGuest,
  request: CountedResource & { readonly target: RequestTarget },
  set: Variant,
): Variant {
  counted(guest, request, request.target.heldBytes);
  return set;
}

function bodyToSend(
  body: OutgoingBody | undefined,
  knownBytes: number | undefined,
): Uint8Array | ReadBody {
  if (body === undefined) return noBytes;
  const whole = body.isFinished ? body.body.takeWhole() : undefined;
  if (whole !== undefined) return whole;
  const contents = body.startStreaming();
  if (body.isFinished) body.body.close();
  return new PassedBody(contents, { knownBytes });
}

function timeoutOf(
  timeouts: ReadonlyMap<TimeoutName, bigint> | undefined,
  name: TimeoutName,
): number | undefined {
  const ns = timeouts?.get(name);
  if (ns === undefined) return undefined;
  const ms = (ns + nsPerMs - 1n) / nsPerMs;
  return ms > timeoutMsMax ? timeoutMsMax : Math.max(1, Number(ms));
}

function getTimeout(name: TimeoutName): HostFunction {
  return prompt(() => (options: RequestOptions) => options.timeouts.get(name));
}

function setTimeoutOf(name: TimeoutName): HostFunction {
  return prompt(() => (options: RequestOptions, ns: bigint | undefined) => {
    if (ns === undefined) options.timeouts.delete(name);
    else options.timeouts.set(name, ns);
    return ok();
  });
}

export const outgoingFunctions: Readonly<Record<string, HostFunction>> = {
  '[constructor]outgoing-request': prompt(() => (fields: Fields) => new OutgoingRequest(fields)),
  '[method]outgoing-request.body': prompt(
    (guest) => (request: OutgoingRequest) => request.openBody(guest),
  ),
  '[method]outgoing-request.method': prompt(
    () => (request: OutgoingRequest) => request.target.method,
  ),
  '[method]outgoing-request.set-method': prompt(
    (guest) => (request: OutgoingRequest, method: Variant) =>
      aimed(guest, request, request.target.setMethod(method)),
  ),
  '[method]outgoing-request.path-with-query': prompt(
    () => (request: OutgoingRequest) => request.target.path,
  ),
  '[method]outgoing-request.set-path-with-query': prompt(
    (guest) => (request: OutgoingRequest, path: string | undefined) =>
      aimed(guest, request, request.target.setPath(path)),
  ),
  '[method]outgoing-request.scheme': prompt(
    () => (request: OutgoingRequest) => request.target.scheme,
  ),
  '[method]outgoing-request.set-scheme': prompt(
    (guest) => (request: OutgoingRequest, scheme: Variant | undefined) =>
      aimed(guest, request, request.target.setScheme(scheme)),
  ),
  '[method]outgoing-request.authority': prompt(
    () => (request: OutgoingRequest) => request.target.authority,
  ),
  '[method]outgoing-request.set-authority': prompt(
    (guest) => (request: OutgoingRequest, authority: string | undefined) =>
      aimed(guest, request, request.target.setAuthority(authority)),
  ),
  '[method]outgoing-request.headers': prompt(
    (guest) => (request: OutgoingRequest) => request.fields.copyFor(guest, true),
  ),
  '[constructor]request-options': prompt(() => () => new RequestOptions()),
  '[method]request-options.connect-timeout': getTimeout('connect'),
  '[method]request-options.set-connect-timeout': setTimeoutOf('connect'),
  '[method]request-options.first-byte-timeout': getTimeout('first-byte'),
  '[method]request-options.set-first-byte-timeout': setTimeoutOf('first-byte'),
  '[method]request-options.between-bytes-timeout': getTimeout('between-bytes'),
  '[method]request-options.set-between-bytes-timeout': setTimeoutOf('between-bytes'),
  '[method]incoming-response.status': prompt(() => (response: IncomingResponse) => response.status),
  '[method]incoming-response.headers': prompt(
    (guest) => (response: IncomingResponse) => response.headers(guest),
  ),
  '[method]incoming-response.consume': prompt(
    (guest) => (response: IncomingResponse) => response.consume(guest),
  ),
  '[method]future-incoming-response.subscribe': prompt(
    () => (future: FutureIncomingResponse) => future.adopt(new Pollable(future)),
  ),
  '[method]future-incoming-response.get': prompt(
    (guest) => (future: FutureIncomingResponse) => future.get(guest),
  ),
};

export const outgoingHandle: HostFunction = prompt(
  (guest) => (request: OutgoingRequest, options: RequestOptions | undefined) =>
    send(guest, request, options),
);
