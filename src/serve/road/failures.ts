/** The answer to a visit that has failed: with a page of the folder, or the daemon's own words. */
import { type ErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { Site } from '../../site/table.ts';
import type { HttpExchange } from '../exchange.ts';
import { type FailureReply, failureHead, failurePageHead } from './failure.ts';
import type { StaticFiles } from './files.ts';
import { headersFor } from './rules/headers.ts';
import { errorPageOf, pageRoute } from './rules/stand-ins.ts';
import type { Visit } from './visit.ts';

export class Failures {
  readonly #files: Pick<StaticFiles, 'readPage'>;

  constructor(files: Pick<StaticFiles, 'readPage'>) {
    this.#files = files;
  }

  /** An answer that has begun is broken off. */
  async tell(visit: Visit, error: ErrorRecord): Promise<void> {
    const { exchange, record, site } = visit;
    record.errorCode = error.code;
    record.errorDetail = error.detail;
    if (record.outcome === 'file') record.outcome = 'failed';
    if (exchange.replyState === 'started') exchange.abort();
    if (exchange.replyState !== 'none') return;
    if (site?.settings !== undefined && (await this.#tellByPage(visit, site, error))) return;
    const { request: asked } = exchange;
    const told = failureHead(error, {
      head: asked,
      requestId: asked.id,
      hostName: visit.hostName,
      nowMs: Date.now(),
    });
    if (sendIfRoom(exchange, told)) return;
    const { head, body } = failureHead(error);
    exchange.send(head, body);
  }

  /** With a page of the folder, where it has one for this; the status is the daemon's. */
  async #tellByPage(visit: Visit, site: Site, error: ErrorRecord): Promise<boolean> {
    const { exchange, shownPath } = visit;
    const { errorPages, headers } = site.settings ?? {};
    if (shownPath !== undefined) {
      exchange.replaceReplyHeaders(headersFor(headers, shownPath, 'stand-in'));
    }
    const page = errorPageOf(errorPages, error);
    if (page === undefined) return false;
    const bytes = await this.#files.readPage(site, pageRoute(page));
    if (bytes === undefined || exchange.replyState !== 'none') return false;
    return sendIfRoom(exchange, { head: failurePageHead(error, page), body: bytes });
  }
}

/** False where memory is short. A line of ours has room in any case: nobody waits for nothing. */
function sendIfRoom(exchange: HttpExchange, { head, body }: FailureReply): boolean {
  try {
    exchange.send(head, body);
    return true;
  } catch (refusal) {
    if (refusal instanceof TerrafirmaError && exchange.replyState === 'none') return false;
    throw refusal;
  }
}
