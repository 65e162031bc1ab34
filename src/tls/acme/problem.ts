/** What an ACME directory answers when it refuses what was asked (RFC 8555, section 6.7). Pure. */

export type AcmeFault =
  /** The authority said no to this name: asking again soon, or elsewhere, is no use. */
  | 'rejected'
  /** Too many orders; `retryAfterMs` says for how long. */
  | 'rate-limited'
  /** The directory cannot be reached, failed, or speaks nonsense: another one may work. */
  | 'unavailable';

/**
 * Whose failure it is. `directory`: nothing about the name mattered, so no other name would fare
 * better there now (no answer at all, no account). `order`: it was said of this order.
 */
export type AcmeScope = 'directory' | 'order';

/** A failure of one directory. `message` reads "Cannot X: rule: received Y". */
export class AcmeError extends Error {
  override readonly name = 'AcmeError';
  readonly fault: AcmeFault;
  /** The end of the problem's type, e.g. `badNonce`; empty when there was none. */
  readonly problemType: string;
  readonly retryAfterMs: number | undefined;
  readonly scope: AcmeScope;
  /** Of the answer that failed; 0 when none came, undefined when an answer made no sense. */
  readonly status: number | undefined;

  constructor(fault: AcmeFault, message: string, details: AcmeErrorDetails = {}) {
    super(message, details);
    this.fault = fault;
    this.problemType = details.problemType ?? '';
    this.retryAfterMs = details.retryAfterMs;
    this.scope = details.scope ?? 'order';
    this.status = details.status;
  }

  /** The same failure, said of the directory. */
  ofDirectory(): AcmeError {
    const { message, fault, problemType, retryAfterMs, status, cause } = this;
    const scope = 'directory';
    return new AcmeError(fault, message, { problemType, retryAfterMs, status, scope, cause });
  }
}

export interface AcmeErrorDetails extends ErrorOptions {
  readonly problemType?: string;
  readonly retryAfterMs?: number | undefined;
  readonly scope?: AcmeScope;
  readonly status?: number | undefined;
}

const textCharsMax = 300;

/** The problem document of an answer, or of a failed challenge or order, as an error. */
export function readProblem(
  problem: unknown,
  answer: {
    readonly action: string;
    readonly status: number;
    readonly retryAfterMs?: number | undefined;
  },
): AcmeError {
  const fields = asRecord(problem);
  const type = typeof fields.type === 'string' ? fields.type : '';
  const problemType = type.slice(type.lastIndexOf(':') + 1);
  const detail = typeof fields.detail === 'string' ? fields.detail : `status ${answer.status}`;
  const said = printable([problemType, detail].filter((part) => part !== '').join(': '));
  const message = `Cannot ${answer.action}: the authority must agree: received ${said}`;
  const { retryAfterMs, status } = answer;
  return new AcmeError(faultOf(problemType, status), message, {
    problemType,
    retryAfterMs,
    status,
  });
}

function faultOf(problemType: string, status: number): AcmeFault {
  if (problemType === 'rateLimited' || status === 429) return 'rate-limited';
  if (problemType === 'serverInternal' || status >= 500) return 'unavailable';
  return 'rejected';
}

/** A problem is a stranger's text on its way to the log. */
function printable(text: string): string {
  const line = text.replace(/[^\x20-\x7e]/g, '?');
  return line.length > textCharsMax ? `${line.slice(0, textCharsMax)}…` : line;
}

/** `value` as a record; an empty one when it is no object. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return value as Readonly<Record<string, unknown>>;
}
