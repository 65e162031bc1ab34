/**
 * Who is about to sign in to a folder by writing a file into it. A code is bound to the browser
 * that it was shown to, by a cookie: all devices and readers of the folder see the file, and sign
 * nobody in by it. Touches nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { TokenBuckets } from '../../account/token-buckets.ts';
import { TerrafirmaError } from '../../errors.ts';
import { clientNetwork, type FolderKey } from '../../names.ts';
import { readCookie } from '../dashboard/sessions.ts';

export interface Code {
  readonly code: string;
  readonly untilMs: number;
  readonly setCookie: string;
}

interface Pending {
  readonly code: string;
  readonly untilMs: number;
  readonly address: string;
  /** Undefined until it is known, and for good where there is no such folder. */
  folderKey: FolderKey | undefined;
  isProven: boolean;
}

export type SignInState =
  | { readonly kind: 'waiting' | 'over' }
  | { readonly kind: 'proven'; readonly folderKey: FolderKey; readonly address: string };

/** Of this very host name, by HTTPS: no page but its own can set one that is called so. */
const cookieName = '__Host-tf-code';
/** RFC 4648's alphabet has letters that are taken for digits; Crockford's has none. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
/** Of five bits each: 100 bits. */
const codeChars = 20;
const holdsMs = 600_000;
const perFolderMax = 1_000;
const pendingMax = 20_000;
const perAddress = { burst: 10, perSecond: 10 / 60 };
const addressesMax = 10_000;
const secretBytes = 32;

export class SignIns {
  /** By the hash of the cookie's secret, the oldest first. */
  readonly #pending = new Map<string, Pending>();
  readonly #addresses = new TokenBuckets(perAddress, addressesMax);
  readonly #nowMs: () => number;

  /** @param nowMs Milliseconds since the Unix epoch. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * A code for whoever asks at `address`. That there is such a folder shows nowhere in the answer,
   * so it is looked for afterwards: `lead` is called with what it was found to be.
   *
   * @throws TerrafirmaError `admin-tries`.
   */
  begin(address: string): Code & { readonly lead: (folderKey: FolderKey) => void } {
    const nowMs = this.#nowMs();
    if (!this.#addresses.take(clientNetwork(address), nowMs)) {
      throw new TerrafirmaError('sign-in-tries');
    }
    const secret = randomBytes(secretBytes).toString('base64url');
    const code = makeCode();
    const untilMs = nowMs + holdsMs;
    const pending: Pending = { code, untilMs, address, folderKey: undefined, isProven: false };
    this.#pending.set(hash(secret), pending);
    if (this.#pending.size > pendingMax) this.#dropOldest(() => true);
    const lead = (folderKey: FolderKey): void => {
      pending.folderKey = folderKey;
      const isOfFolder = (other: Pending): boolean => other.folderKey === folderKey;
      const count = [...this.#pending.values()].filter(isOfFolder).length;
      if (count > perFolderMax) this.#dropOldest(isOfFolder);
    };
    return { code, untilMs, lead, setCookie: cookie(secret, holdsMs) };
  }

  /** How it is with the browser that asks; who has proven it is told so once. */
  take(headers: IncomingHttpHeaders): SignInState {
    const key = hash(readCookie(headers.cookie, cookieName) ?? '');
    const pending = this.#pending.get(key);
    if (pending === undefined) return { kind: 'over' };
    const { address, folderKey, isProven } = pending;
    if (isProven && folderKey !== undefined) {
      this.#pending.delete(key);
      return { kind: 'proven', folderKey, address };
    }
    if (this.#nowMs() < pending.untilMs) return { kind: 'waiting' };
    this.#pending.delete(key);
    return { kind: 'over' };
  }

  /** Folders whose codes may still come. */
  folders(): ReadonlySet<FolderKey> {
    const nowMs = this.#nowMs();
    const folders = new Set<FolderKey>();
    for (const [key, { folderKey, isProven, untilMs }] of this.#pending) {
      if (nowMs >= untilMs) this.#pending.delete(key);
      else if (folderKey !== undefined && !isProven) folders.add(folderKey);
    }
    return folders;
  }

  /** Those files are in the folder; which of them were codes for it, that somebody waited with. */
  prove(folderKey: FolderKey, names: readonly string[]): readonly string[] {
    const nowMs = this.#nowMs();
    // Some file systems and some devices write capital letters.
    const written = new Map(names.map((name) => [name.toLowerCase(), name]));
    const proven: string[] = [];
    for (const pending of this.#pending.values()) {
      const name = written.get(pending.code);
      if (name === undefined || pending.folderKey !== folderKey) continue;
      if (pending.isProven || nowMs >= pending.untilMs) continue;
      pending.isProven = true;
      proven.push(name);
    }
    return proven;
  }

  get clearCookie(): string {
    return cookie('', 0);
  }

  #dropOldest(isMeant: (pending: Pending) => boolean): void {
    for (const [key, pending] of this.#pending) {
      if (!isMeant(pending)) continue;
      this.#pending.delete(key);
      return;
    }
  }
}

function makeCode(): string {
  return Array.from(randomBytes(codeChars), (byte) => alphabet[byte % alphabet.length]).join('');
}

function cookie(value: string, ageMs: number): string {
  const ageS = Math.floor(ageMs / 1_000);
  return `${cookieName}=${value}; Path=/; Max-Age=${ageS}; HttpOnly; SameSite=Strict; Secure`;
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
