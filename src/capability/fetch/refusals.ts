/** Why a request of a guest failed, in the words of this project. Pure. */
import { CapabilityRefusal, type RefusalKind } from '../refusal.ts';

const staleCodes: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const timeoutCodes: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const overflowCodes: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'HPE_HEADER_OVERFLOW',
]);
const inputCodes: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'ERR_UNESCAPED_CHARACTERS',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_INVALID_CHAR',
]);

/** Whether `error` is what a connection shows that was closed before the request arrived. */
export function isStaleConnection(error: unknown): boolean {
  return staleCodes.has(codeOf(error));
}

/** Any failure of an exchange. */
export function toRefusal(error: unknown): CapabilityRefusal {
  if (error instanceof CapabilityRefusal) return error;
  const code = codeOf(error);
  if (overflowCodes.has(code)) {
    return limitRefusal('the headers of a reply must be smaller', 'more');
  }
  const reason = error instanceof Error ? error.message : String(error);
  if (inputCodes.has(code)) return refuse('input', 'it must be valid HTTP', reason);
  const kind = timeoutCodes.has(code) ? 'timeout' : 'connection';
  const message = `Cannot fetch: the server must answer in valid HTTP: received ${reason}`;
  return new CapabilityRefusal(kind, message, { cause: error });
}

export function limitRefusal(rule: string, received: string): CapabilityRefusal {
  return refuse('limit', rule, received);
}

export function refuse(kind: RefusalKind, rule: string, received: string): CapabilityRefusal {
  return new CapabilityRefusal(kind, `Cannot fetch: ${rule}: received ${received}`);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
