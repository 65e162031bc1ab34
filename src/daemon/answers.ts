/**
 * The control plane's answers to the serving threads: host name → folder → site, modules, names
 * for guests. Failures are answers too, with a time they hold.
 */
import { LRUCache } from 'lru-cache';
import type { ControlSides } from '../capability/control.ts';
import type { Config } from '../config/config.ts';
import type { Publisher } from '../deploy/publish.ts';
import {
  type ErrorCode,
  type ErrorRecord,
  fromErrorRecord,
  TerrafirmaError,
  toErrorRecord,
} from '../errors.ts';
import { type FolderKey, type FolderPath, type HostName, isServedName } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import type { LocatedFolder, Locator } from '../outside/mount/locate.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';
import type { SealingKeys } from '../outside/secrets/sealing-keys.ts';
import type { HostRules } from '../site/hosts.ts';
import type { Site } from '../site/table.ts';
import type { Answers, Question, SiteAnswer } from '../threads/messages.ts';
import type { ServedName } from '../tls/admission.ts';
import type { Certificates } from '../tls/certificates.ts';
import type { Compressor } from './compress/compressor.ts';
import type { Logins } from './logins/logins.ts';

/**
 * No answer holds longer, whatever the record's TTL: threads that ask again tell the control plane
 * that the folder is still in use, and so is worth watching.
 */
const siteTtlMsMax = 60_000;
/** How long "there is no such folder" holds: a person may be making it right now. */
const failureTtlMs = 2_000;
/** How long the last good record of a name is used while it cannot be looked up (RFC 8767). */
const staleRecordMsMax = 3_600_000;
/** What orders of its certificate are counted under. */
const panelKey = '/dashboard' as FolderKey;
/** Failures that say what the name's record is now; all others say nothing about it. */
const recordCodes: ReadonlySet<ErrorCode> = new Set(['no-record', 'bad-record']);
const staleTtlMs = 5_000;
/** Of a folder without modules, so many entries are looked at for one that can be served. */
const firstEntriesMax = 1_000;

export interface AnswersOptions {
  readonly config: Pick<Config, 'limits'>;
  /** The one folder of folder mode; undefined in mount mode. */
  readonly folder: LocatedFolder | undefined;
  readonly resolver: Resolver;
  readonly locator: Locator;
  readonly guards: MountGuards;
  readonly publisher: Publisher;
  readonly hostRules: HostRules;
  /** Of the owners' dashboard; undefined: there is none. */
  readonly panelName: string | undefined;
  readonly logins: Pick<Logins, 'check'>;
  readonly sealingKeys: Pick<SealingKeys, 'newest'>;
  readonly compressor: Pick<Compressor, 'compress'>;
  readonly capabilities: Pick<ControlSides, 'answer'>;
  /** Undefined without TLS. */
  readonly certificates: () => Certificates | undefined;
  /** @throws TerrafirmaError `banned`. */
  readonly checkBans: (hostName: HostName, folderKey: FolderKey) => void;
  readonly nowMs: () => number;
  /** Somebody asked for a name whose folder is here. */
  readonly onServed: (hostName: HostName, folderKey: FolderKey) => void;
}

interface GoodRecord {
  readonly path: FolderPath;
  readonly seenAtMs: number;
}

export class ControlAnswers {
  readonly #options: AnswersOptions;
  readonly #goodRecords: LRUCache<HostName, GoodRecord>;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#goodRecords = new LRUCache({ max: options.config.limits.sitesCachedMax });
  }

  /** Names that led to a folder when they were asked for last. */
  *hostNames(): IterableIterator<readonly [HostName, FolderKey]> {
    for (const [hostName, { path }] of this.#goodRecords) yield [hostName, path.key];
  }

  /** Answers one question. Rejects with the failure where failures are not answers. */
  answer(question: Question): Promise<Answers[keyof Answers]> {
    const { publisher } = this.#options;
    switch (question.ask) {
      case 'site':
        return this.#site(question.hostName, question.clientAddress);
      case 'verdict':
        return publisher.verdict(question.folderKey, question.modulePath);
      case 'module':
        return publisher.module(question.digest);
      case 'capability':
        return this.#options.capabilities.answer(question);
      case 'certificate':
        return this.#certificates().answer(question.hostName, question.clientAddress);
      case 'http-challenge':
        return this.#certificates().httpAnswer(question.token);
      case 'alpn-challenge':
        return this.#certificates().alpnCertificate(question.hostName);
      case 'sealing-key':
        return this.#options.sealingKeys.newest();
      case 'login':
        return this.#options.logins.check(question);
      case 'compress':
        return this.#options.compressor.compress(question);
    }
  }

  /**
   * What ordering a certificate needs to know: that the name leads to a folder that is served, lets
   * the name be served, and has something to serve. Rejects with why not.
   */
  async servedName(hostName: HostName, clientAddress?: string): Promise<ServedName> {
    // The owners' dashboard is nobody's folder.
    if (hostName === this.#options.panelName) return { folderKey: panelKey, isListed: true };
    const answer = await this.#site(hostName, clientAddress);
    if (answer.kind === 'failure') throw fromErrorRecord(answer.error);
    const { site } = answer;
    const listed = site.settings?.hostNames;
    this.#options.hostRules.checkConsent(hostName, listed);
    this.#options.checkBans(hostName, site.folderKey);
    if (site.modules.size === 0) await this.#requireFile(site);
    return { folderKey: site.folderKey, isListed: listed?.includes(hostName) === true };
  }

  async #requireFile(site: Site): Promise<void> {
    const guard = this.#options.guards.fsOf(site.mountDirectory, site.owner);
    const { entries } = await guard.readdir(site.directory, firstEntriesMax);
    if (entries.some((entry) => isServedName(entry.name))) return;
    const detail = `Cannot serve ${site.folderKey}: it must have a file that can be served`;
    throw new TerrafirmaError('folder-not-found', `${detail}: received none`);
  }

  #certificates(): Certificates {
    const certificates = this.#options.certificates();
    if (certificates !== undefined) return certificates;
    throw new TerrafirmaError('draining', 'Cannot hand out a certificate: TLS is not running');
  }

  async #site(hostName: HostName | undefined, clientAddress?: string): Promise<SiteAnswer> {
    const { folder } = this.#options;
    if (folder !== undefined) return this.#publishedSite(folder, siteTtlMsMax);
    if (hostName === undefined) {
      return failure({
        code: 'bad-host',
        detail: 'Cannot serve the request: it needs a host name',
      });
    }
    const { hostRules } = this.#options;
    try {
      hostRules.checkName(hostName);
    } catch (error) {
      return failure(toErrorRecord(error));
    }
    const record = await this.#record(hostName, clientAddress);
    if ('error' in record) return failure(record.error, record.expiresInMs);
    try {
      hostRules.checkFolder(record.path);
      const { locator, onServed, publisher } = this.#options;
      const known = publisher.placeOf(record.path.key);
      const located = known ?? (await locator.locate(record.path));
      onServed(hostName, located.key);
      const isLocatedNow = known === undefined;
      return await this.#publishedSite(located, record.expiresInMs, { isLocatedNow });
    } catch (error) {
      return (await this.#keptSite(record.path, error)) ?? failure(toErrorRecord(error));
    }
  }

  /** While a mount is away its folders are served from what was kept of them. */
  async #keptSite(path: FolderPath, error: unknown): Promise<SiteAnswer | undefined> {
    if (!(error instanceof TerrafirmaError) || error.code !== 'folder-unreachable')
      return undefined;
    const { locator, publisher } = this.#options;
    const mount = locator.mountOf(path);
    const site = mount && (await publisher.keptSite(path.key, mount));
    return site && { kind: 'site', site, expiresInMs: staleTtlMs };
  }

  async #publishedSite(
    folder: LocatedFolder,
    ttlMs: number,
    options?: { readonly isLocatedNow: boolean },
  ): Promise<SiteAnswer> {
    try {
      const site = await this.#options.publisher.siteOf(folder, options);
      return { kind: 'site', site, expiresInMs: Math.min(ttlMs, siteTtlMsMax) };
    } catch (error) {
      return failure(toErrorRecord(error));
    }
  }

  /** The folder a host name's record names; while it cannot be looked up, the last good one. */
  async #record(
    hostName: HostName,
    clientAddress: string | undefined,
  ): Promise<
    | { readonly path: FolderPath; readonly expiresInMs: number }
    | { readonly error: ErrorRecord; readonly expiresInMs: number }
  > {
    const lookup = await this.#options.resolver.record(hostName, clientAddress);
    const nowMs = this.#options.nowMs();
    const expiresInMs = Math.max(0, lookup.expiresAtMs - nowMs);
    if (lookup.kind === 'found') {
      this.#goodRecords.set(hostName, { path: lookup.value, seenAtMs: nowMs });
      return { path: lookup.value, expiresInMs };
    }
    if (recordCodes.has(lookup.error.code)) this.#goodRecords.delete(hostName);
    const good = this.#goodRecords.get(hostName);
    if (good !== undefined && nowMs - good.seenAtMs < staleRecordMsMax) {
      return { path: good.path, expiresInMs: staleTtlMs };
    }
    return { error: toErrorRecord(lookup.error), expiresInMs };
  }
}

function failure(error: ErrorRecord, expiresInMs = failureTtlMs): SiteAnswer {
  if (error.code === 'internal') throw new TerrafirmaError('internal', error.detail);
  return { kind: 'failure', error, expiresInMs };
}
