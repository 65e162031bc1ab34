/** Requests to an ACME server that go wrong as tests plan it. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request that goes wrong. */
export interface AcmeFault {
  /** The first segment of its path: `new-order`, `order`, `finalize`, … */
  readonly resource: string;
  /** Without one, the connection is cut. */
  readonly status?: number;
  readonly type?: string;
  readonly retryAfterS?: number;
  /** What was asked is done all the same; only the answer is lost. */
  readonly isDone?: boolean;
}

/** Takes the first fault of the resource off `faults`; whether the request has been dealt with. */
export function goesWrong(
  faults: AcmeFault[],
  request: {
    readonly resource: string;
    readonly incoming: IncomingMessage;
    readonly response: ServerResponse;
  },
): boolean {
  const { resource, incoming, response } = request;
  const at = faults.findIndex((fault) => fault.resource === resource);
  const [fault] = at === -1 ? [] : faults.splice(at, 1);
  if (fault === undefined) return false;
  if (fault.isDone === true) {
    // Goes its way, but what it says reaches nobody.
    response.end = ((): ServerResponse => {
      incoming.socket.destroy();
      return response;
    }) as typeof response.end;
    return false;
  }
  const { retryAfterS, status, type = 'serverInternal' } = fault;
  if (status === undefined) {
    incoming.socket.destroy();
    return true;
  }
  if (retryAfterS !== undefined) response.setHeader('retry-after', retryAfterS);
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: 'as told' }));
  return true;
}
