/** What the numbers of answers mean (RFC 9110, section 15). Pure. */

/** What an answer may have; below are interim ones, which an answer follows. */
export const statusMin = 200;
/** Above this clients take an answer for one that is not valid. */
export const statusMax = 599;

const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const continueStatus = 100;
/** The connection is of another protocol from here on. */
export const switchingProtocols = 101;

/** Whether `status` is that of an answer, and not of an interim one. */
export function isFinalStatus(status: number): boolean {
  return Number.isInteger(status) && status >= statusMin && status <= statusMax;
}

/**
 * Whether `status` is that of an interim answer that a guest may send. 101 is none: it would end
 * HTTP on the connection, which only the daemon can do.
 */
export function isInterimStatus(status: number): boolean {
  if (!Number.isInteger(status) || status < continueStatus || status >= statusMin) return false;
  return status !== switchingProtocols;
}

/** Whether an answer of that status has a body (sections 15.3.5, 15.3.6 and 15.4.5). */
export function statusHasBody(status: number): boolean {
  return !bodiless.has(status);
}

/** Whether an answer of that status to a request of that method has one (section 6.4.1). */
export function answerHasBody(status: number, method: string): boolean {
  return method !== 'HEAD' && statusHasBody(status);
}

/** Whether an answer of that status sends the client on to its Location. */
export function isRedirect(status: number): boolean {
  return redirects.has(status);
}
