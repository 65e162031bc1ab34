/** `wasi:http` 0.3: its interfaces, and how a request that a guest makes is sent. */
import { errorCode, errorCodeOf } from './error-codes.ts';
import { type HostInterface, waiting } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostWork } from './host-work.ts';
import { declaredLength, newBody, OutgoingBody } from './http-bodies.ts';
import { Fields, fieldFunctions03, headerLimitsOf } from './http-fields.ts';
import { openRequest, type RequestParts } from './http-outgoing.ts';
import { headersToSend } from './http-reply.ts';
import { ReceivedBody } from './http03-bodies.ts';
import { messageFunctions03, type Request, Response } from './http03-messages.ts';
import { failed, ok, type Variant } from './results.ts';
import { client03, handler03, httpTypes03 } from './wit/http03.ts';

/**
 * Of middleware: the request goes to what stands behind it, whatever authority it names. A body
 * that is passed on untouched never enters the guest.
 */
function handle(guest: ComponentGuest, request: Request): Variant | HostWork<Variant> {
  const { next, request: asked } = guest.run.exchange;
  if (next !== undefined) {
    request.target.authority = asked.authority;
    return send(guest, request, passedOn(request));
  }
  request.drop();
  const detail = 'nothing stands behind this module: name it in [[middleware]]';
  return failed(errorCode('internal-error', detail));
}

/** `result<response, error-code>`, as soon as the head of the answer is there. */
function send(guest: ComponentGuest, request: Request, passed?: Sent): Variant | HostWork<Variant> {
  const { target, options } = request;
  const delivery = new Delivery();
  const pending = openRequest(guest, {
    ...{ target, timeouts: options?.timeouts },
    ...(passed ?? sentBy(guest, request, delivery)),
  });
  if ('tag' in pending) {
    delivery.fail(failed(pending));
    return failed(pending);
  }
  const { fetch } = guest.run.capabilities;
  const give = (): Variant => {
    const { outcome } = pending;
    if (outcome === undefined) throw new TypeError('Cannot answer: nothing came of the request');
    if (outcome.kind === 'failed') {
      const failure = failed(errorCodeOf(outcome.error, fetch));
      delivery.tell(failure);
      return failure;
    }
    delivery.tell(ok());
    const reply = outcome.value;
    const received = Fields.of(reply.headers, headerLimitsOf(guest));
    const response = new Response(received, new ReceivedBody(guest, reply.body));
    response.status = reply.status;
    return ok(response);
  };
  if (pending.isReady) return give();
  return new HostWork(pending.whenReady().then(give), () => pending.giveUp());
}

type Sent = Pick<RequestParts, 'headers' | 'body' | 'declaredBytes'>;

/**
 * Of a request without a body that goes on as it came, behind a link: nothing is made of it, and
 * what is about connections is left out there. Undefined where it is another one.
 */
function passedOn(request: Request): Sent | undefined {
  const headers = request.untouchedHeaders;
  if (headers === undefined || !request.body.isEmpty) return undefined;
  request.take();
  return { headers, body: undefined, declaredBytes: undefined };
}

function sentBy(guest: ComponentGuest, request: Request, delivery: Delivery): Sent {
  const { fields } = request;
  const declaredBytes = declaredLength(fields);
  const how = { declared: declaredBytes, limit: Number.POSITIVE_INFINITY };
  const body = new OutgoingBody(newBody(guest), how);
  request.take().send(body, delivery.of(body));
  return { headers: headersToSend(fields), body, declaredBytes };
}

/** Whether a body that was made by the guest gets there. */
class Delivery {
  #body: OutgoingBody | undefined;
  #told: PromiseWithResolvers<Variant> | undefined;

  of(body: OutgoingBody): Promise<Variant> {
    this.#body = body;
    this.#told = Promise.withResolvers();
    return this.#told.promise;
  }

  tell(result: Variant): void {
    this.#told?.resolve(result);
  }

  fail(result: Variant): void {
    this.#body?.break();
    this.tell(result);
  }
}

export const http03Interfaces: readonly HostInterface[] = [
  {
    name: 'wasi:http/types@0.3.0',
    text: httpTypes03,
    functions: { ...fieldFunctions03, ...messageFunctions03 },
  },
  {
    name: 'wasi:http/client@0.3.0',
    text: client03,
    functions: { send: waiting((guest) => (request: Request) => send(guest, request)) },
  },
  {
    name: 'wasi:http/handler@0.3.0',
    text: handler03,
    functions: { handle: waiting((guest) => (request: Request) => handle(guest, request)) },
  },
];
