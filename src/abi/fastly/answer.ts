/**
 * The answer to the visitor, which leaves as soon as the guest gives it; the run goes on. What it
 * still writes to a body that is being sent goes out at the pace of both.
 */

import { PassedBody, type ReadBody } from '../../http/body.ts';
import { isLeftToDaemon } from '../../http/connection-headers.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import { isFinalStatus, statusMax } from '../../http/status.ts';
import type { Body } from '../objects/body.ts';
import type { ResponseObject } from '../objects/messages.ts';
import { answering } from './declare.ts';
import { findResponse } from './response.ts';
import type { FastlyRun } from './run.ts';
import { type Given, type Status, status } from './status.ts';

const closes: Header = ['connection', 'close'];
/** The one interim answer that guests may give (RFC 8297). */
const earlyHints = 103;
const lengthPattern = /^\d{1,15}$/;

export const answerHostcalls = [
  answering({
    name: 'send_downstream',
    params: [
      ['h', 'handle'],
      ['b', 'handle'],
      ['streaming', 'number'],
    ],
    spec: '#the-answer',
    meaning: 'once, after any number with a status of 103',
    act: (guest, handle, bodyHandle, streaming) => {
      const { run } = guest;
      const response = findResponse(guest, handle);
      const body = run.bodies.get(bodyHandle);
      const isStreaming = streaming !== 0;
      if (body.isStreaming) return status.badf;
      const refusal = refuseStatus(response.status, isStreaming);
      if (refusal !== undefined) return refusal;
      if (run.exchange.replyState !== 'none') return status.error;
      run.responses.drop(handle);
      run.held.release(response.headers.heldBytes);
      if (!isStreaming) run.bodies.drop(bodyHandle);
      try {
        return answer(run, response, { body, isStreaming });
      } catch (error) {
        // There is no room for it now: another answer in its place would be taken for the real one.
        run.answerFailure = error;
        throw error;
      }
    },
  }),
];

/** Above 599 is no status of HTTP, and nobody can be sent one over HTTP/2. */
function refuseStatus(code: number, isStreaming: boolean): Status | undefined {
  if (isFinalStatus(code)) return undefined;
  if (code > statusMax) return status.httpinvalidstatus;
  return code === earlyHints && !isStreaming ? undefined : status.inval;
}

/** Sends `response`, whose body, unless it is streaming, is the exchange's from here on. */
export function answer(
  run: FastlyRun,
  response: ResponseObject,
  { body, isStreaming }: { readonly body: Body; readonly isStreaming: boolean },
): Given {
  const { exchange } = run;
  const head = headOf(response);
  if (response.status === earlyHints) {
    body.close();
    exchange.inform(head);
    return status.ok;
  }
  const bytesDue = response.framing === 'by-headers' ? declaredLength(response) : undefined;
  if (isStreaming) {
    const source = body.startStreaming();
    run.answerBody = body;
    exchange.sendPiped(head, bytesDue === undefined ? source : withLength(source, bytesDue));
    return status.ok;
  }
  const whole = bytesDue === undefined ? body.takeWhole() : undefined;
  if (whole !== undefined) exchange.send(head, whole);
  else exchange.sendPiped(head, withTrailers(body.handOver(), bytesDue));
  return status.ok;
}

/** What is about the connection is the daemon's; guests copy whole heads of back-ends. */
function headOf({ status: code, headers, endsConnection }: ResponseObject): ReplyHead {
  const lines = headers.linesWithout(isLeftToDaemon);
  if (endsConnection) lines.push(closes);
  return { status: code, headers: lines };
}

/** Undefined where the guest says nothing that could be told to a client. */
function declaredLength({ headers }: ResponseObject): number | undefined {
  const values = new Set(headers.values('content-length'));
  const [only = ''] = values;
  return values.size === 1 && lengthPattern.test(only) ? Number(only) : undefined;
}

/** HTTP/1.1 has a place for trailers only behind a body whose length it was not told. */
function withTrailers(body: ReadBody, bytesDue: number | undefined): ReadBody {
  const hasTrailers = (body.trailers?.length ?? 0) > 0;
  if (bytesDue === undefined && !hasTrailers) return body;
  return withLength(body, bytesDue);
}

function withLength(body: ReadBody, knownBytes: number | undefined): ReadBody {
  return new PassedBody(body, { knownBytes, heldBytes: body.heldBytes });
}
