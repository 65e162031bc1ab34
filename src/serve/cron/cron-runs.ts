/**
 * Calls of modules at their times: each is a request like a visitor's, with the same limits and the
 * same line in the log, but that it does not ask who may read.
 */
import { randomBytes } from 'node:crypto';
import type { Account } from '../../account/account.ts';
import type { Limits } from '../../config/config.ts';
import { type ErrorRecord, errorRow, toErrorRecord } from '../../errors.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { RequestLog } from '../../journal/telemetry.ts';
import { parseHostName } from '../../names.ts';
import type { SiteModule } from '../../site/table.ts';
import type { CronEnd, CronOrder } from '../../threads/messages.ts';
import { HttpExchange } from '../exchange.ts';
import type { RoutableHead } from '../exchange-options.ts';
import { newRecord } from '../rejected.ts';
import type { Bans } from '../road/bans.ts';
import type { ModuleRoute, ModuleRuns } from '../road/module-runs.ts';
import type { Visit } from '../road/visit.ts';
import { SilentWire } from './silent-wire.ts';

export interface CronRunsOptions {
  readonly limits: Limits;
  readonly runs: Pick<ModuleRuns, 'run'>;
  readonly account: Account;
  readonly bans: Bans;
  readonly log: Pick<RequestLog, 'write'>;
  readonly nowMs: () => number;
}

/** The daemon calls itself. */
const clientAddress = '127.0.0.1';
const idBytes = 6;

export class CronRuns {
  readonly #options: CronRunsOptions;
  readonly #running = new Set<Promise<CronEnd>>();

  constructor(options: CronRunsOptions) {
    this.#options = options;
  }

  /** Resolves when the run is over; never rejects. */
  async run(order: CronOrder): Promise<CronEnd> {
    const running = this.#run(order);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Waits for the runs that have begun, so long at most. */
  async drain(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    await Promise.race([Promise.all(this.#running), promise]);
    clearTimeout(timer);
  }

  async #run(order: CronOrder): Promise<CronEnd> {
    const { limits, account, log, nowMs } = this.#options;
    const { site } = order;
    const head = headOf(order, `${randomBytes(idBytes).toString('hex')}-cron`);
    const exchange = new HttpExchange(head, new SilentWire(), limits);
    const record = newRecord(head.id, { method: head.method, url: head.target, clientAddress });
    record.hostName = order.hostName;
    record.folderKey = site.folderKey;
    exchange.chargeTo(account.shareOf(site.owner));
    const startedAtMs = nowMs();
    let failure: ErrorRecord | undefined;
    try {
      failure = await this.#call(order, { exchange, record });
      const passing = exchange.whenPassed();
      if (passing !== undefined) await passing;
    } catch (error) {
      failure = toErrorRecord(error);
    }
    if (failure !== undefined) {
      record.errorCode = failure.code;
      record.errorDetail = failure.detail;
    }
    if (exchange.replyState === 'started') exchange.abort();
    record.status = failure === undefined ? exchange.status : errorRow(failure.code).status;
    record.bytesSent = exchange.bytesSent;
    record.wallUs = Math.round((nowMs() - startedAtMs) * 1_000);
    log.write(record);
    return { status: record.status, outcome: record.outcome, requestId: head.id };
  }

  async #call(
    order: CronOrder,
    { exchange, record }: { readonly exchange: HttpExchange; readonly record: RequestRecord },
  ): Promise<ErrorRecord | undefined> {
    const { site, modulePath } = order;
    const { bans } = this.#options;
    if (site.failure !== undefined) return site.failure;
    if (bans.hasAny) bans.checkFolder(site.folderKey);
    const module = site.modules.get(modulePath);
    if (module === undefined) {
      const detail = `Cannot call the module at its time: it must be there: received ${modulePath}`;
      return { code: 'not-found', detail };
    }
    if (module.kind === 'refused') return module.error;
    const visit: Visit = {
      ...{ exchange, record, site, hostName: undefined },
      ...{ shownPath: undefined, failure: undefined },
    };
    await this.#options.runs.run(visit, site, routeTo(order, module));
    return visit.failure;
  }
}

function headOf(order: CronOrder, id: string): RoutableHead {
  const { hostName, modulePath, schedule, scheduledAt, target } = order;
  const [path = '', ...query] = target.split('?');
  return {
    id,
    method: 'POST',
    target: `/${modulePath}${target}`,
    scriptName: `/${modulePath}`,
    pathInfo: decodePath(path),
    query: query.join('?'),
    scheme: 'https',
    authority: hostName,
    hostName: parseHostName(hostName),
    httpVersion: '1.1',
    headers: [
      ['host', hostName],
      ['content-length', '0'],
      ['x-terrafirma-cron', schedule],
      ['x-terrafirma-scheduled-at', scheduledAt],
    ],
    clientAddress,
    clientPort: 0,
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function routeTo(
  { modulePath, target }: CronOrder,
  module: SiteModule & { readonly kind: 'serving' },
): ModuleRoute {
  const { digest, abi, counterRow = 0 } = module;
  return {
    ...{ kind: 'module', modulePath, digest, abi, counterRow },
    scriptName: `/${modulePath}`,
    pathInfo: decodePath(target.split('?', 1)[0] ?? ''),
  };
}
