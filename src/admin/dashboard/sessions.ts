/**
 * Who has signed in to the dashboard in a browser. The cookie holds a secret of which only the hash
 * is kept here: what is read out of the daemon's memory or a backup opens nothing. Touches nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Session<Of> {
  /** Names the session to people and to the log: it opens nothing. */
  readonly id: string;
  readonly of: Of;
  readonly address: string;
  readonly startedAtMs: number;
  readonly seenAtMs: number;
}

/** As it outlives a daemon: the hash says which cookie it is, and opens nothing. */
export interface KeptSession<Of> extends Omit<Session<Of>, 'id'> {
  readonly hash: string;
}

export interface SessionsOptions<Of> {
  readonly cookieName: string;
  /** Browsers send such a cookie by HTTPS alone. */
  readonly isSecure: boolean;
  readonly idleMsMax: number;
  readonly ageMsMax: number;
  /** The least recently used goes when there are more. */
  readonly sessionsMax: number;
  /** Whose they are, and how many of them he may have; left out: all are one's. */
  readonly holderOf?: (of: Of) => string;
  readonly sessionsPerHolderMax?: number;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** Left out: nobody keeps them. */
  readonly onChange?: (change: 'begun' | 'seen' | 'ended') => void;
}

interface Kept<Of> extends Session<Of> {
  seenAtMs: number;
}

const secretBytes = 32;
const idChars = 12;

export class Sessions<Of> {
  readonly #options: SessionsOptions<Of>;
  /** By the hash of the secret, the least recently used first. */
  readonly #kept = new Map<string, Kept<Of>>();

  constructor(options: SessionsOptions<Of>) {
    this.#options = options;
  }

  /** Begins one; the header sets its cookie. */
  begin(of: Of, address: string): { readonly session: Session<Of>; readonly setCookie: string } {
    const secret = randomBytes(secretBytes).toString('base64url');
    const atMs = this.#options.nowMs();
    const key = hash(secret);
    const session = { id: key.slice(0, idChars), of, address, startedAtMs: atMs, seenAtMs: atMs };
    this.#kept.set(key, session);
    this.#dropBeyond(of);
    this.#options.onChange?.('begun');
    return { session, setCookie: this.#cookie(secret, this.#options.ageMsMax) };
  }

  /** Of the one who has too many the least recently used goes, else of all. */
  #dropBeyond(of: Of): void {
    const { holderOf, sessionsMax, sessionsPerHolderMax = sessionsMax } = this.#options;
    const holder = holderOf?.(of);
    const isOwn = (session: Session<Of>): boolean => holderOf?.(session.of) === holder;
    const own = [...this.#kept].filter(([, session]) => isOwn(session)).map(([key]) => key);
    const [oldest] = own.length > sessionsPerHolderMax ? own : this.#kept.keys();
    const isTooMany = own.length > sessionsPerHolderMax || this.#kept.size > sessionsMax;
    if (isTooMany && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** The session whose cookie the request carries, which is in use from now on. */
  find(headers: IncomingHttpHeaders): Session<Of> | undefined {
    const secret = readCookie(headers.cookie, this.#options.cookieName);
    if (secret === undefined) return undefined;
    const key = hash(secret);
    const session = this.#kept.get(key);
    if (session === undefined) return undefined;
    this.#kept.delete(key);
    if (this.#isOver(session)) return undefined;
    session.seenAtMs = this.#options.nowMs();
    this.#kept.set(key, session);
    this.#options.onChange?.('seen');
    return session;
  }

  /** Those that are open, the newest first. */
  list(): readonly Session<Of>[] {
    for (const [key, session] of this.#kept) if (this.#isOver(session)) this.#kept.delete(key);
    return [...this.#kept.values()].sort((one, other) => other.startedAtMs - one.startedAtMs);
  }

  /** False where there is none. */
  end(id: string): boolean {
    for (const [key, session] of this.#kept) {
      if (session.id !== id) continue;
      this.#kept.delete(key);
      this.#options.onChange?.('ended');
      return true;
    }
    return false;
  }

  /** For whoever keeps them: the least recently used first. */
  rows(): readonly KeptSession<Of>[] {
    return [...this.#kept]
      .filter(([, session]) => !this.#isOver(session))
      .map(([hash, { address, of, seenAtMs, startedAtMs }]) => ({
        ...{ hash, of, address, startedAtMs, seenAtMs },
      }));
  }

  /** Takes up those of an earlier daemon; none of them lasts longer for it. */
  restore(rows: readonly KeptSession<Of>[]): void {
    const atMs = this.#options.nowMs();
    for (const { hash, ...session } of rows.slice(-this.#options.sessionsMax)) {
      // A time to come would make it last for ever.
      const kept = { ...session, id: hash.slice(0, idChars) };
      const isOfThePast = session.startedAtMs <= atMs && session.seenAtMs <= atMs;
      if (isOfThePast && !this.#isOver(kept)) this.#kept.set(hash, kept);
    }
  }

  endAll(): void {
    this.#kept.clear();
  }

  /** The header that takes the cookie away. */
  get clearCookie(): string {
    return this.#cookie('', 0);
  }

  #isOver({ seenAtMs, startedAtMs }: Session<Of>): boolean {
    const { ageMsMax, idleMsMax, nowMs } = this.#options;
    const atMs = nowMs();
    return atMs - seenAtMs >= idleMsMax || atMs - startedAtMs >= ageMsMax;
  }

  #cookie(value: string, ageMs: number): string {
    const { cookieName, isSecure } = this.#options;
    const secure = isSecure ? '; Secure' : '';
    const ageS = Math.floor(ageMs / 1_000);
    return `${cookieName}=${value}; Path=/; Max-Age=${ageS}; HttpOnly; SameSite=Strict${secure}`;
  }
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Undefined where there is none, or several: then somebody else has set one of them. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}
