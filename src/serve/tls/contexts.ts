/**
 * The certificates of a serving thread, ready for handshakes: bounded, asked for where they are
 * missing, and replaced when the control plane says that some have changed.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { HostName } from '../../names.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import type { CertificateAnswer, CertificatePair } from '../../threads/messages.ts';

export interface TlsContextsOptions {
  readonly limits: Pick<Limits, 'tlsContextsMax' | 'certificateWaitMs'>;
  readonly link: ControlLink;
  /** Whether the operator has banned the name: then it has no certificate. */
  readonly isBanned: (hostName: HostName | undefined) => boolean;
  /** A pair that the control plane has, and OpenSSL does not take; for the log. */
  readonly onUnusable: (serverName: string | undefined, reason: string) => void;
  readonly nowMs: () => number;
}

interface Held {
  readonly id: string;
  readonly pair: CertificatePair;
  readonly context: SecureContext;
  expiresAtMs: number;
}

/** What a handshake gets. `none`: it is refused, and why. */
export type ContextAnswer =
  | { readonly kind: 'context'; readonly context: SecureContext; readonly pair: CertificatePair }
  | { readonly kind: 'none'; readonly reason: string };

/** The key of handshakes that name nobody. */
const nobody = '';

export class TlsContexts {
  readonly #options: TlsContextsOptions;
  readonly #held: LRUCache<string, Held>;
  readonly #refused: LRUCache<string, { reason: string; expiresAtMs: number }>;

  constructor(options: TlsContextsOptions) {
    this.#options = options;
    this.#held = new LRUCache({ max: options.limits.tlsContextsMax });
    // Names that nobody has cost little; each is remembered so that it is not asked about again.
    this.#refused = new LRUCache({ max: options.limits.tlsContextsMax * 4 });
  }

  /**
   * The context for a handshake. Never rejects but for errors of ours.
   *
   * @param clientAddress Whose handshake; undefined where that is a proxy's.
   */
  of(
    hostName: HostName | undefined,
    clientAddress?: string,
  ): ContextAnswer | Promise<ContextAnswer> {
    if (this.#options.isBanned(hostName)) return { kind: 'none', reason: 'the name is banned' };
    const key = hostName ?? nobody;
    const nowMs = this.#options.nowMs();
    const held = this.#held.get(key);
    if (held !== undefined && held.expiresAtMs > nowMs) return answerOf(held);
    const refused = this.#refused.get(key);
    if (held === undefined && refused !== undefined && refused.expiresAtMs > nowMs) {
      return { kind: 'none', reason: refused.reason };
    }
    return this.#ask(hostName, clientAddress);
  }

  /** Those at hand are asked for again; handshakes under way keep what they have. */
  expireAll(): void {
    for (const held of this.#held.values()) held.expiresAtMs = 0;
    this.#refused.clear();
  }

  async #ask(
    hostName: HostName | undefined,
    clientAddress: string | undefined,
  ): Promise<ContextAnswer> {
    const { limits, link, nowMs } = this.#options;
    const key = hostName ?? nobody;
    const held = this.#held.get(key);
    let answer: CertificateAnswer;
    try {
      answer = await link.ask(
        { ask: 'certificate', hostName, clientAddress },
        `certificate ${key}`,
        { waitMs: limits.certificateWaitMs },
      );
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      // Ordering takes longer than a handshake waits, or the control plane is away: what is at
      // hand is better than nothing.
      return held === undefined ? { kind: 'none', reason: error.message } : answerOf(held);
    }
    const expiresAtMs = nowMs() + answer.expiresInMs;
    if (answer.kind === 'none') {
      this.#held.delete(key);
      this.#refused.set(key, { reason: answer.reason, expiresAtMs });
      return answer;
    }
    const { id, pair } = answer;
    if (held?.id === id) {
      held.expiresAtMs = expiresAtMs;
      return answerOf(held);
    }
    const context = makeContext(pair);
    if (typeof context === 'string') {
      this.#options.onUnusable(hostName, context);
      // It is not tried again for each handshake; a pair that was at hand is better than nothing.
      if (held !== undefined) {
        held.expiresAtMs = expiresAtMs;
        return answerOf(held);
      }
      const reason = `its certificate cannot be used: ${context}`;
      this.#refused.set(key, { reason, expiresAtMs });
      return { kind: 'none', reason };
    }
    const fresh = { id, pair, context, expiresAtMs };
    this.#held.set(key, fresh);
    return answerOf(fresh);
  }
}

/** Why not, where OpenSSL does not take the pair. */
function makeContext({ chainPem, keyPem }: CertificatePair): SecureContext | string {
  try {
    return createSecureContext({ cert: chainPem, key: keyPem, minVersion: 'TLSv1.2' });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function answerOf({ context, pair }: Held): ContextAnswer {
  return { kind: 'context', context, pair };
}
