/** `wasi:http` 0.2, as far as components import it. */
import { errorCode, errorCodeOf } from './error-codes.ts';
import { type HostInterface, prompt } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { BodySizeError } from './http-bodies.ts';
import type { Fields } from './http-fields.ts';
import { incomingFunctions, incomingHandle, type ResponseOutparam } from './http-incoming.ts';
import { outgoingFunctions, outgoingHandle } from './http-outgoing.ts';
import { headersToSend } from './http-reply.ts';
import { failed, ok, type Variant } from './results.ts';
import type { IoError } from './streams.ts';
import { httpTypes, incomingHandler, outgoingHandler } from './wit/http.ts';

function codeOf({ run }: ComponentGuest, { error }: IoError): Variant {
  if (error instanceof BodySizeError) {
    return errorCode('HTTP-response-body-size', BigInt(error.written));
  }
  return errorCodeOf(error, run.capabilities.fetch);
}

/** Interim answers, such as 103 with links to what the client will need. */
function inform(outparam: ResponseOutparam, status: number, fields: Fields): Variant {
  const isInterim = status >= interimMin && status <= interimMax;
  if (!isInterim) return failed(errorCode('HTTP-protocol-error'));
  outparam.inform({ status, headers: headersToSend(fields) });
  return ok();
}

/** 101 would leave HTTP. */
const interimMin = 102;
const interimMax = 199;

export const httpInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:http/types@0.2.0',
    text: httpTypes,
    functions: {
      'http-error-code': prompt((guest) => (error: IoError) => codeOf(guest, error)),
      ...incomingFunctions,
      ...outgoingFunctions,
      '[method]response-outparam.send-informational': prompt(
        () => (outparam: ResponseOutparam, status: number, fields: Fields) =>
          inform(outparam, status, fields),
      ),
    },
  },
  {
    name: 'wasi:http/outgoing-handler@0.2.0',
    text: outgoingHandler,
    functions: { handle: outgoingHandle },
  },
  /** Of middleware: what stands behind it. */
  {
    name: 'wasi:http/incoming-handler@0.2.0',
    text: incomingHandler,
    functions: { handle: incomingHandle },
  },
];
