/**
 * What plain HTTP answers where there is HTTPS: the challenges of certificate authorities, a way to
 * HTTPS for names that are served, and for the others the sentence that says what is missing, or
 * that they are banned; behind HTTPS they would only see a handshake fail.
 */

import { Buffer } from 'node:buffer';
import { toErrorRecord } from '../errors.ts';
import { addressOf } from '../http/authority.ts';
import { noBytes } from '../http/body.ts';
import type { RequestRecord } from '../journal/request-record.ts';
import type { RequestLog } from '../journal/telemetry.ts';
import { parseHostName } from '../names.ts';
import type { HostRules } from '../site/hosts.ts';
import type { ControlLink } from '../threads/control-link.ts';
import type { HttpExchange } from './exchange.ts';
import type { Bans } from './road/bans.ts';
import { failureHead } from './road/failure.ts';
import type { Replica } from './road/replica.ts';

export interface PlainDoorOptions {
  readonly link: ControlLink;
  readonly replica: Replica;
  readonly log: RequestLog;
  readonly nowMs: () => number;
  readonly isFolderMode: boolean;
  readonly hostRules: HostRules;
  readonly bans: Bans;
  /** Of the owners' dashboard; undefined: there is none. */
  readonly panelName: string | undefined;
  /** Whether visitors are sent on; else only challenges are answered here. */
  readonly redirects: boolean;
  /** The port of HTTPS as visitors see it. */
  readonly publicPort: number;
  /** The request road, for all that is not answered here. */
  readonly serve: (exchange: HttpExchange, record: RequestRecord) => Promise<void>;
}

const challengePath = '/.well-known/acme-challenge/';
const tokenPattern = /^[A-Za-z0-9_-]{1,256}$/;
const defaultPort = 443;

export class PlainDoor {
  readonly #options: PlainDoorOptions;

  constructor(options: PlainDoorOptions) {
    this.#options = options;
  }

  /** Answers one exchange. Never rejects. */
  serve(exchange: HttpExchange, record: RequestRecord): Promise<void> {
    const { scheme, target } = exchange.request;
    const isChallenge = target.startsWith(challengePath);
    // A trusted proxy may have had the visitor's HTTPS.
    const goesOn = scheme === 'https' || !this.#options.redirects;
    if (goesOn && !isChallenge) return this.#options.serve(exchange, record);
    return this.#answer(exchange, record, goesOn);
  }

  async #answer(exchange: HttpExchange, record: RequestRecord, goesOn: boolean): Promise<void> {
    const startedAtMs = this.#options.nowMs();
    try {
      if (await this.#answerChallenge(exchange)) record.outcome = 'challenge';
      else if (goesOn) return this.#options.serve(exchange, record);
      else await this.#redirect(exchange, record);
    } catch (failure) {
      const error = toErrorRecord(failure);
      record.errorCode = error.code;
      record.errorDetail = error.detail;
      const { request: asked } = exchange;
      const { head, body } = failureHead(error, {
        head: asked,
        requestId: asked.id,
        hostName: record.hostName,
        nowMs: Date.now(),
      });
      exchange.send(head, body);
    }
    record.status = exchange.status;
    record.bytesSent = exchange.bytesSent;
    record.wallUs = Math.round((this.#options.nowMs() - startedAtMs) * 1_000);
    this.#options.log.write(record);
  }

  /** False when the token is none of ours. */
  async #answerChallenge(exchange: HttpExchange): Promise<boolean> {
    const { target } = exchange.request;
    const token = target.slice(challengePath.length);
    if (!target.startsWith(challengePath) || !tokenPattern.test(token)) return false;
    const { link } = this.#options;
    const key = `http-challenge ${token}`;
    const answer = await link.ask({ ask: 'http-challenge', token }, key);
    if (answer === null) return false;
    const headers = [['content-type', 'application/octet-stream']] as const;
    exchange.send({ status: 200, headers }, Buffer.from(answer));
    return true;
  }

  async #redirect(exchange: HttpExchange, record: RequestRecord): Promise<void> {
    const { publicPort } = this.#options;
    const { target } = exchange.request;
    const hostName = await this.#requireSite(exchange, record);
    const port = publicPort === defaultPort ? '' : `:${publicPort}`;
    const location = `https://${hostName}${port}${target}`;
    record.outcome = 'redirected';
    exchange.send({ status: 308, headers: [['location', location]] }, noBytes);
  }

  /** The host that HTTPS is to be asked for: one that has something to serve. */
  async #requireSite(exchange: HttpExchange, record: RequestRecord): Promise<string> {
    const { authority, clientAddress } = exchange.request;
    const { bans, hostRules, isFolderMode, replica } = this.#options;
    if (isFolderMode) {
      // The one folder answers whatever it is called, also by its address.
      record.hostName = addressOf(authority) ?? exchange.hostName ?? parseHostName(authority);
      if (bans.hasAny) bans.checkVisitor(exchange.hostName, clientAddress);
      const { folderKey } = await replica.siteOf(undefined, this.#options.nowMs());
      record.folderKey = folderKey;
      if (bans.hasAny) bans.checkFolder(folderKey);
      return record.hostName;
    }
    const hostName = exchange.hostName ?? parseHostName(authority);
    record.hostName = hostName;
    if (bans.hasAny) bans.checkVisitor(hostName, clientAddress);
    if (hostName === this.#options.panelName) return hostName;
    const site = await replica.siteOf(hostName, this.#options.nowMs(), clientAddress);
    record.folderKey = site.folderKey;
    if (bans.hasAny) bans.checkFolder(site.folderKey);
    hostRules.checkConsent(hostName, site.settings?.hostNames);
    return hostName;
  }
}
