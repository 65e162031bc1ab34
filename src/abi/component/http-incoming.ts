/** The request that a run answers, and its answer, as `wasi:http` has them. */
import type { ReplyHead } from '../../http/message.ts';
import type { Exchange, NextInChain } from '../abi.ts';
import { Body } from '../objects/body.ts';
import { ExchangeBody } from '../objects/exchange-body.ts';
import type { GuestPath } from '../objects/guest-path.ts';
import { errorCode, nameOf, statusOf } from './error-codes.ts';
import { type HostFunction, prompt } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostResource } from './handles.ts';
import {
  answeredLength,
  bodyFunctions,
  declaredLength,
  IncomingBody,
  newBody,
  OutgoingBody,
} from './http-bodies.ts';
import { Fields, fieldFunctions, headerLimitsOf } from './http-fields.ts';
import { type HttpReply, headersToSend } from './http-reply.ts';
import { methodOf, schemeOf } from './http-words.ts';
import { failed, ok, type Variant } from './results.ts';
import { shownHeaders } from './spin.ts';

const statusMin = 100;
const statusMax = 999;

export class IncomingRequest extends HostResource {
  readonly #exchange: Exchange;
  readonly #path: GuestPath;
  readonly #isForSpin: boolean;
  #isConsumed = false;

  constructor(exchange: Exchange, how: { readonly path: GuestPath; readonly isForSpin: boolean }) {
    super();
    this.#exchange = exchange;
    this.#path = how.path;
    this.#isForSpin = how.isForSpin;
  }

  get isConsumed(): boolean {
    return this.#isConsumed;
  }

  get method(): Variant {
    return methodOf(this.#exchange.request.method);
  }

  get path(): string {
    return this.#path.target;
  }

  get scheme(): Variant {
    return schemeOf(this.#exchange.request.scheme);
  }

  get authority(): string | undefined {
    const { authority } = this.#exchange.request;
    return authority === '' ? undefined : authority;
  }

  headers(guest: ComponentGuest): Fields {
    const how = { path: this.#path, isForSpin: this.#isForSpin };
    const shown = shownHeaders(this.#exchange.request, how);
    return Fields.of(shown, headerLimitsOf(guest)).countedFor(guest);
  }

  consume(guest: ComponentGuest): Variant {
    if (this.#isConsumed) return failed();
    this.#isConsumed = true;
    const { held } = guest.run;
    const options = { held, headerLimits: headerLimitsOf(guest) };
    return ok(new IncomingBody(Body.of(new ExchangeBody(this.#exchange), options)));
  }
}

export class OutgoingResponse extends HostResource {
  readonly fields: Fields;
  status = 200;
  body: OutgoingBody | undefined;

  constructor(fields: Fields) {
    super();
    fields.freeze();
    this.fields = fields;
  }

  openBody(guest: ComponentGuest): Variant {
    if (this.body !== undefined) return failed();
    const declared = answeredLength(guest, this.fields);
    const limit = guest.run.limits.replyBodyBytesMax;
    this.body = new OutgoingBody(newBody(guest), { declared, limit });
    return ok(this.body);
  }

  setStatus(status: number): Variant {
    if (status < statusMin || status > statusMax) return failed();
    this.status = status;
    return ok();
  }

  override drop(): void {
    super.drop();
    this.fields.drop();
  }
}

/** The right to answer, which can be used once. */
export class ResponseOutparam extends HostResource {
  readonly #reply: HttpReply;

  constructor(reply: HttpReply) {
    super();
    this.#reply = reply;
  }

  /** Sends an interim answer, where the client can take it. */
  inform(head: ReplyHead): void {
    this.#reply.inform(head);
  }

  /** Whoever stands behind this run answers. */
  passOn(next: NextInChain): void {
    this.#reply.passOn();
    next.passOn();
  }

  set(guest: ComponentGuest, { tag, value }: Variant): void {
    if (tag === 0) {
      const { status, fields, body } = value as OutgoingResponse;
      const head = { status, headers: headersToSend(fields) };
      this.#reply.set(head, body, declaredLength(fields));
      return;
    }
    const error = value as Variant;
    const detail = typeof error.value === 'string' ? `: ${error.value}` : '';
    guest.run.capabilities.log.write('warn', `answered with ${nameOf(error)}${detail}`);
    this.#reply.refuse(statusOf(error));
  }
}

export const incomingFunctions: Readonly<Record<string, HostFunction>> = {
  ...fieldFunctions,
  ...bodyFunctions,
  '[method]incoming-request.method': prompt(() => (request: IncomingRequest) => request.method),
  '[method]incoming-request.path-with-query': prompt(
    () => (request: IncomingRequest) => request.path,
  ),
  '[method]incoming-request.scheme': prompt(() => (request: IncomingRequest) => request.scheme),
  '[method]incoming-request.authority': prompt(
    () => (request: IncomingRequest) => request.authority,
  ),
  '[method]incoming-request.headers': prompt(
    (guest) => (request: IncomingRequest) => request.headers(guest),
  ),
  '[method]incoming-request.consume': prompt(
    (guest) => (request: IncomingRequest) => request.consume(guest),
  ),
  '[constructor]outgoing-response': prompt(() => (fields: Fields) => new OutgoingResponse(fields)),
  '[method]outgoing-response.status-code': prompt(
    () => (response: OutgoingResponse) => response.status,
  ),
  '[method]outgoing-response.set-status-code': prompt(
    () => (response: OutgoingResponse, status: number) => response.setStatus(status),
  ),
  '[method]outgoing-response.headers': prompt(
    (guest) => (response: OutgoingResponse) => response.fields.copyFor(guest, true),
  ),
  '[method]outgoing-response.body': prompt(
    (guest) => (response: OutgoingResponse) => response.openBody(guest),
  ),
  '[static]response-outparam.set': prompt(
    (guest) => (outparam: ResponseOutparam, response: Variant) => outparam.set(guest, response),
  ),
};

/**
 * The request goes on to what stands behind this link, with the right to answer it; it is answered
 * when the run is over. Where nothing is behind, that is the answer.
 */
export const incomingHandle: HostFunction = prompt(
  (guest) =>
    (request: IncomingRequest, outparam: ResponseOutparam): void => {
      const { next } = guest.run.exchange;
      if (next === undefined) {
        const detail = 'nothing stands behind this module: name it in [[middleware]]';
        outparam.set(guest, failed(errorCode('internal-error', detail)));
      } else if (request.isConsumed) {
        guest.trap('Cannot pass the request on: its body was taken');
      } else outparam.passOn(next);
    },
);
