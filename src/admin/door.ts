/**
 * Who may come in by an admin listener. Everybody on the machine reaches loopback, and so does any
 * page in a browser there: it can post a form to 127.0.0.1, and a name of its own that is made to
 * lead to 127.0.0.1 (DNS rebinding) lets it read the answers. So by TCP a request shows the token
 * and names the listener; and on the socket, too, no page of another site gets in.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { TokenBuckets } from '../account/token-buckets.ts';
import { TerrafirmaError } from '../errors.ts';
import { clientNetwork, quoteReceived } from '../names.ts';
import type { Actor } from './request.ts';

export interface DoorOptions {
  /** Undefined for a socket, which only its owner can open. */
  readonly token: string | undefined;
  /**
   * `host:port` as listened on; undefined for a socket, where all but foreign names are fine;
   * `of the gateway`: it has found here by the host name, and by HTTPS.
   */
  readonly authorities: readonly string[] | 'of the gateway' | undefined;
  /** Whether somebody is let in by a cookie that he got for the token. */
  readonly hasSession?: ((headers: IncomingHttpHeaders) => boolean) | undefined;
  readonly nowMs: () => number;
}

export interface Knock {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
  readonly needsToken: boolean;
  readonly takesBytes: boolean;
}

/**
 * A name with a dot that is no address. Whoever brings the socket to his machine (`ssh -L`) opens
 * it to every page in his browser; one whose own name was made to lead there says that name.
 */
const reboundPattern = /^[\w-]+(?:\.[\w-]+)*\.[a-z][\w-]*\.?(?::\d+)?$/i;
const failuresPerMinute = 10;
/** Addresses of which it is remembered that they failed. */
const addressesMax = 10_000;

export class Door {
  readonly #options: DoorOptions;
  readonly #failures = new TokenBuckets(
    { burst: failuresPerMinute, perSecond: failuresPerMinute / 60 },
    addressesMax,
  );

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /**
   * How the request has shown that it may come in.
   *
   * @throws TerrafirmaError `misdirected`, `admin-origin`, `admin-token`, `admin-tries`,
   *   `admin-type`.
   */
  admit(knock: Knock): Actor {
    this.#checkAuthority(knock.headers);
    checkOrigin(knock.headers, this.#options.authorities === 'of the gateway');
    const actor = knock.needsToken ? this.#identify(knock) : 'anybody';
    if (knock.method !== 'GET' && !knock.takesBytes) checkType(knock.headers);
    return actor;
  }

  #checkAuthority({ host = '' }: IncomingHttpHeaders): void {
    const { authorities } = this.#options;
    if (authorities === 'of the gateway') return;
    const isRight =
      authorities === undefined
        ? !reboundPattern.test(host)
        : authorities.includes(host.toLowerCase());
    if (isRight) return;
    const rule = `the host must be ${authorities?.join(' or ') ?? 'localhost'}`;
    throw new TerrafirmaError(
      'misdirected',
      `Cannot answer: ${rule}: received ${quoteReceived(host)}`,
    );
  }

  /** The right token is let in however many wrong ones came: others must not lock its owner out. */
  #identify({ address, headers }: Knock): Actor {
    const { hasSession, nowMs, token } = this.#options;
    if (token === undefined) return 'socket';
    const [, shown] = /^Bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? '') ?? [];
    if (shown !== undefined && isSame(shown, token)) return 'token';
    if (shown === undefined && hasSession?.(headers) === true) return 'session';
    // On loopback everybody can have sixteen million addresses.
    const from = /^(127\.|::1$|::ffff:127\.)/.test(address) ? 'loopback' : clientNetwork(address);
    if (!this.#failures.take(from, nowMs())) throw new TerrafirmaError('admin-tries');
    throw new TerrafirmaError('admin-token');
  }
}

/** In the same time, however much of it is right. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hash(one), hash(other));
}

function hash(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

/** Who can change what comes by plain HTTP has no say in what is asked for by HTTPS. */
function checkOrigin({ host = '', origin }: IncomingHttpHeaders, isSecure: boolean): void {
  if (origin === undefined) return;
  const authority = host.toLowerCase();
  const isPlain = origin === `http://${authority}`;
  if (origin === `https://${authority}` || (isPlain && !isSecure)) return;
  const rule = 'the origin must be that of the admin listener';
  throw new TerrafirmaError(
    'admin-origin',
    `Cannot answer: ${rule}: received ${quoteReceived(origin)}`,
  );
}

/** A form of another site cannot send this type without asking first. */
function checkType(headers: IncomingHttpHeaders): void {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() === 'application/json') return;
  throw new TerrafirmaError('admin-type');
}
