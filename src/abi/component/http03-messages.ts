/** Requests, their options, and responses of `wasi:http` 0.3. */
import type { Header } from '../../http/message.ts';
import type { Exchange } from '../abi.ts';
import { ExchangeBody } from '../objects/exchange-body.ts';
import type { GuestPath } from '../objects/guest-path.ts';
import { CountedResource } from './counted-resource.ts';
import { type HostFunction, prompt } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostResource } from './handles.ts';
import { Fields, headerLimitsOf } from './http-fields.ts';
import { aimed, type TimeoutName } from './http-outgoing.ts';
import { RequestTarget } from './http-target.ts';
import { methodOf, schemeOf } from './http-words.ts';
import { MadeBody, type MessageBody, ReceivedBody } from './http03-bodies.ts';
import { failed, ok, type Variant } from './results.ts';
import { shownHeaders } from './spin.ts';
import type { FutureSide, StreamSide } from './tasks/host-sides.ts';

const statusMin = 100;
const statusMax = 599;
/** Of `request-options-error`. */
const isImmutable: Variant = { tag: 1, value: undefined };

export class RequestOptions03 extends HostResource {
  readonly timeouts: Map<TimeoutName, bigint>;
  readonly #isImmutable: boolean;

  constructor(timeouts: ReadonlyMap<TimeoutName, bigint> = new Map(), isFixed = false) {
    super();
    this.timeouts = new Map(timeouts);
    this.#isImmutable = isFixed;
  }

  set(name: TimeoutName, ns: bigint | undefined): Variant {
    if (this.#isImmutable) return failed(isImmutable);
    if (ns === undefined) this.timeouts.delete(name);
    else this.timeouts.set(name, ns);
    return ok();
  }
}

/** What requests and responses have in common. */
abstract class Message extends CountedResource {
  #fields: Fields | (() => Fields);
  readonly body: MessageBody;
  #isTaken = false;

  /** @param fields Or what makes them: many a guest does not look at those that came. */
  constructor(fields: Fields | (() => Fields), body: MessageBody) {
    super();
    this.#fields = fields;
    this.body = body;
    if (typeof fields !== 'function') fields.freeze();
  }

  get fields(): Fields {
    if (typeof this.#fields === 'function') this.#fields = this.#fields();
    return this.#fields;
  }

  /** Whether nobody has looked at them: then they are as they came. */
  get areUntouched(): boolean {
    return typeof this.#fields === 'function';
  }

  headers(guest: ComponentGuest): Fields {
    return this.fields.copyFor(guest, true);
  }

  /** Its body is for whoever has asked; the message itself is gone. */
  take(): MessageBody {
    this.#isTaken = true;
    return this.body;
  }

  override drop(): void {
    super.drop();
    if (!this.#isTaken) this.body.drop();
    if (typeof this.#fields !== 'function') this.#fields.drop();
  }
}

export class Request extends Message {
  readonly target: RequestTarget;
  readonly options: RequestOptions03 | undefined;
  readonly #came: (() => readonly Header[]) | undefined;

  constructor(parts: {
    readonly fields: Fields | (() => Fields);
    readonly body: MessageBody;
    readonly target?: RequestTarget;
    readonly options?: RequestOptions03 | undefined;
    /** What `fields` are made of, where the request came from outside. */
    readonly came?: () => readonly Header[];
  }) {
    super(parts.fields, parts.body);
    this.#came = parts.came;
    this.target = parts.target ?? new RequestTarget();
    this.options = parts.options;
  }

  /** As they came, where nobody has looked at them; connection's own ones may be among them. */
  get untouchedHeaders(): readonly Header[] | undefined {
    return this.areUntouched ? this.#came?.() : undefined;
  }

  /** The one that a run answers. */
  static of(
    guest: ComponentGuest,
    exchange: Exchange,
    how: { readonly path: GuestPath; readonly isForSpin: boolean },
  ): Request {
    const { request } = exchange;
    const target = new RequestTarget();
    target.method = methodOf(request.method);
    target.path = how.path.target;
    target.scheme = schemeOf(request.scheme);
    target.authority = request.authority === '' ? undefined : request.authority;
    const came = (): readonly Header[] => shownHeaders(request, how);
    return new Request({
      came,
      fields: () => Fields.of(came(), headerLimitsOf(guest)),
      body: new ReceivedBody(guest, new ExchangeBody(exchange)),
      target,
    });
  }
}

export class Response extends Message {
  status = 200;

  setStatus(status: number): Variant {
    if (status < statusMin || status > statusMax) return failed();
    this.status = status;
    return ok();
  }
}

/** `tuple<stream<u8>, future<result<option<trailers>, error-code>>>`. */
function consume(message: Message, result: FutureSide): readonly [StreamSide, FutureSide] {
  // Nobody is left to be told; but who gives a future counts on its being read.
  result.attach({ onValue: () => undefined, onAbandoned: () => undefined });
  return message.take().open();
}

const requestFunctions: Readonly<Record<string, HostFunction>> = {
  '[static]request.new': prompt(
    (guest) =>
      (
        fields: Fields,
        contents: StreamSide | undefined,
        trailers: FutureSide,
        options: RequestOptions03 | undefined,
      ) => {
        const body = new MadeBody(guest, { contents, trailers });
        return [new Request({ fields, body, options }), body.sent];
      },
  ),
  '[method]request.get-method': prompt(
    () =>
      ({ target }: Request) =>
        target.method,
  ),
  '[method]request.set-method': prompt(
    (guest) => (request: Request, method: Variant) =>
      aimed(guest, request, request.target.setMethod(method)),
  ),
  '[method]request.get-path-with-query': prompt(
    () =>
      ({ target }: Request) =>
        target.path,
  ),
  '[method]request.set-path-with-query': prompt(
    (guest) => (request: Request, path: string | undefined) =>
      aimed(guest, request, request.target.setPath(path)),
  ),
  '[method]request.get-scheme': prompt(
    () =>
      ({ target }: Request) =>
        target.scheme,
  ),
  '[method]request.set-scheme': prompt(
    (guest) => (request: Request, scheme: Variant | undefined) =>
      aimed(guest, request, request.target.setScheme(scheme)),
  ),
  '[method]request.get-authority': prompt(
    () =>
      ({ target }: Request) =>
        target.authority,
  ),
  '[method]request.set-authority': prompt(
    (guest) => (request: Request, authority: string | undefined) =>
      aimed(guest, request, request.target.setAuthority(authority)),
  ),
  '[method]request.get-options': prompt(
    () => (request: Request) =>
      request.options && request.adopt(new RequestOptions03(request.options.timeouts, true)),
  ),
  '[method]request.get-headers': prompt((guest) => (request: Request) => request.headers(guest)),
  '[static]request.consume-body': prompt(() => consume),
};

const responseFunctions: Readonly<Record<string, HostFunction>> = {
  '[static]response.new': prompt(
    (guest) => (fields: Fields, contents: StreamSide | undefined, trailers: FutureSide) => {
      const body = new MadeBody(guest, { contents, trailers });
      return [new Response(fields, body), body.sent];
    },
  ),
  '[method]response.get-status-code': prompt(() => (response: Response) => response.status),
  '[method]response.set-status-code': prompt(
    () => (response: Response, status: number) => response.setStatus(status),
  ),
  '[method]response.get-headers': prompt(
    (guest) => (response: Response) => response.headers(guest),
  ),
  '[static]response.consume-body': prompt(() => consume),
};

function timeoutFunctions(name: TimeoutName): Readonly<Record<string, HostFunction>> {
  return {
    [`[method]request-options.get-${name}-timeout`]: prompt(
      () => (options: RequestOptions03) => options.timeouts.get(name),
    ),
    [`[method]request-options.set-${name}-timeout`]: prompt(
      () => (options: RequestOptions03, ns: bigint | undefined) => options.set(name, ns),
    ),
  };
}

export const messageFunctions03: Readonly<Record<string, HostFunction>> = {
  ...requestFunctions,
  ...responseFunctions,
  '[constructor]request-options': prompt(() => () => new RequestOptions03()),
  ...timeoutFunctions('connect'),
  ...timeoutFunctions('first-byte'),
  ...timeoutFunctions('between-bytes'),
  '[method]request-options.clone': prompt(
    () => (options: RequestOptions03) => new RequestOptions03(options.timeouts),
  ),
};
