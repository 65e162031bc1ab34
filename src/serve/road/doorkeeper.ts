/**
 * Who may read, asked on the road of a request. What everybody may read costs a look at the
 * manifest; only behind that are credentials read and passwords checked, elsewhere.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { RequestPath } from '../../names.ts';
import {
  type Access,
  allowsAnyOrigin,
  type Credentials,
  challengeHeader,
  decideAccess,
  readCredentials,
} from '../../site/access.ts';
import { type ManifestUser, mayReadAnonymously, type PasswordHash } from '../../site/manifest.ts';
import { readingsOf, stoodForBy } from '../../site/path-readings.ts';
import type { Site } from '../../site/table.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import type { HttpExchange } from '../exchange.ts';

export interface DoorkeeperOptions {
  readonly limits: Pick<Limits, 'loginTtlMs'>;
  readonly link: ControlLink;
  readonly nowMs: () => number;
}

/** All of them must be allowed. */
type Paths = readonly (readonly string[])[];

const loginsKeptMax = 10_000;
const indexNames = ['index.html', 'index.wasm'];

export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  /** Passwords are remembered by a keyed hash alone; the key lives and dies with the thread. */
  readonly #key = randomBytes(32);
  readonly #known = new LRUCache<string, { isRight: boolean; expiresAtMs: number }>({
    max: loginsKeptMax,
  });

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  /**
   * Lets the request pass, at once where everybody may read.
   *
   * @throws TerrafirmaError `unauthorized`, `no-permission`, `too-many-logins`, `bad-manifest`.
   */
  check(exchange: HttpExchange, site: Site, path: RequestPath): undefined | Promise<void> {
    const { manifest } = site;
    if (manifest.paths.length === 0 && manifest.anonymousRead) return undefined;
    if (readingsOf(path).every((segments) => allowsAnyOrigin(manifest, segments))) {
      exchange.addReplyHeader('access-control-allow-origin', '*');
    }
    const wanted = [...wantedPaths(path), ...stoodForBy(site, path)];
    return isOpenToAll(site, wanted)
      ? undefined
      : this.#checkUser(exchange, site, { path, wanted });
  }

  /** Whether the request may have that path, too, besides the one that it asked for. */
  allows(exchange: HttpExchange, site: Site, path: RequestPath): true | Promise<boolean> {
    const { manifest } = site;
    if (manifest.paths.length === 0 && manifest.anonymousRead) return true;
    const wanted = wantedPaths(path);
    if (isOpenToAll(site, wanted)) return true;
    return this.#decide(exchange, site, wanted).then(({ kind }) => kind === 'granted');
  }

  async #decide(exchange: HttpExchange, site: Site, wanted: Paths): Promise<Access> {
    const header = exchange.request.headers.find(([name]) => name === 'authorization')?.[1];
    const credentials = readCredentials(header);
    const isKnown = credentials !== undefined && (await this.#isRight(exchange, site, credentials));
    return decide(site, wanted, isKnown ? credentials.user : undefined);
  }

  async #checkUser(
    exchange: HttpExchange,
    site: Site,
    { path, wanted }: { readonly path: RequestPath; readonly wanted: Paths },
  ): Promise<void> {
    const access = await this.#decide(exchange, site, wanted);
    if (access.kind === 'granted') return;
    const place = `${site.folderKey}: /${path.segments.join('/')}`;
    if (access.kind === 'denied') {
      throw new TerrafirmaError('no-permission', `Cannot serve ${place}: nobody may read it`);
    }
    exchange.addReplyHeader('www-authenticate', challengeHeader(access.realm));
    const rule = 'a user who may read it must log in';
    throw new TerrafirmaError('unauthorized', `Cannot serve ${place}: ${rule}`);
  }

  /**
   * An unknown user costs the same check as a known one: neither the answer nor how long it takes
   * must tell them apart.
   */
  async #isRight(exchange: HttpExchange, site: Site, credentials: Credentials): Promise<boolean> {
    const { users } = site.manifest;
    const known = users.find((one) => one.name === credentials.user);
    const asked = known ?? decoyOf(users, credentials.user);
    if (asked === undefined) return false;
    const hash = asked.passwordHash;
    const isRight = await this.#checkPassword(exchange, site, { ...credentials, hash });
    return isRight && known !== undefined;
  }

  async #checkPassword(
    exchange: HttpExchange,
    site: Site,
    check: Credentials & { readonly hash: PasswordHash },
  ): Promise<boolean> {
    const { hash, password, user } = check;
    const { limits, link, nowMs } = this.#options;
    const { folderKey } = site;
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify([folderKey, user, hash, password]))
      .digest('base64');
    const remembered = this.#known.get(digest);
    if (remembered !== undefined && remembered.expiresAtMs > nowMs()) return remembered.isRight;
    const { clientAddress } = exchange.request;
    const isRight = await link.ask(
      { ask: 'login', folderKey, clientAddress, password, hash },
      `login ${digest} ${clientAddress}`,
    );
    this.#known.set(digest, { isRight, expiresAtMs: nowMs() + limits.loginTtlMs });
    return isRight;
  }
}

/**
 * The user whose hash stands for that of a user who does not exist: always the same for a name, but
 * nobody can say which without the hashes. Hashes differ in what they cost: with the first user's
 * for all unknown names, one that costs something else would be known to exist.
 */
function decoyOf(users: readonly ManifestUser[], name: string): ManifestUser | undefined {
  const [first] = users;
  if (first === undefined) return undefined;
  const digest = createHmac('sha256', JSON.stringify(first.passwordHash)).update(name).digest();
  return users[digest.readUInt32BE(0) % users.length];
}

function isOpenToAll({ manifest }: Site, wanted: Paths): boolean {
  return wanted.every((segments) => mayReadAnonymously(manifest, segments));
}

/** A directory is answered with its index: both must be allowed, whichever kind it is. */
function wantedPaths(path: RequestPath): Paths {
  const { segments, isDirectory } = path;
  if (!isDirectory) return readingsOf(path);
  return [segments, ...indexNames.map((name) => [...segments, name])];
}

function decide({ manifest }: Site, wanted: Paths, user: string | undefined): Access {
  const verdicts = wanted.map((segments) => decideAccess(manifest, segments, user));
  return (
    verdicts.find((verdict) => verdict.kind === 'denied') ??
    verdicts.find((verdict) => verdict.kind === 'login') ?? { kind: 'granted' }
  );
}
