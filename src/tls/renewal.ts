/** When a certificate is renewed. Pure: chance and the time are handed in. */

export interface Lifetime {
  /** When we got it: authorities date certificates back, which must not make them look old. */
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
}

/** Two thirds of the lifetime, and up to a twentieth earlier, so that names do not come in step. */
export function plannedRenewalMs(lifetime: Lifetime, random: number): number {
  const { issuedAtMs, notAfterMs } = lifetime;
  const lifeMs = Math.max(0, notAfterMs - issuedAtMs);
  return issuedAtMs + lifeMs * (2 / 3 - random / 20);
}

/**
 * A moment within the window that the authority suggests (RFC 9773, section 4.2). A window that is
 * over means now; but never sooner than a twentieth of the lifetime after the issue, so that a
 * directory that always says "now" is not asked for a certificate every minute.
 */
export function windowRenewalMs(
  window: { readonly startMs: number; readonly endMs: number },
  lifetime: Lifetime,
  random: number,
): number {
  const { issuedAtMs, notAfterMs } = lifetime;
  const chosenMs = window.startMs + (window.endMs - window.startMs) * random;
  const earliestMs = issuedAtMs + Math.max(0, notAfterMs - issuedAtMs) / 20;
  return Math.max(chosenMs, earliestMs);
}

const backOffMsMin = 60_000;
const backOffMsMax = 12 * 3_600_000;

/** How long to wait after the `failures`-th failure in a row; twice as long each time. */
export function backOffMs(failures: number, random: number): number {
  const fullMs = Math.min(backOffMsMax, backOffMsMin * 2 ** Math.min(20, failures - 1));
  return fullMs * (0.75 + random / 2);
}
