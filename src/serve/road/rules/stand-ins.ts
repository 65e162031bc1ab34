/** Pages that answer where nothing is: `clean_urls`, `spa` and `[errors]`. Pure. */
import { type ErrorCode, type ErrorRecord, errorRow } from '../../../errors.ts';
import { combinedField } from '../../../http/fields.ts';
import type { RequestHead } from '../../../http/message.ts';
import type { RequestPath } from '../../../names.ts';
import type { ErrorPages } from '../../../site/settings/error-pages.ts';
import type { Site } from '../../../site/table.ts';
import type { FileRoute } from '../file-look.ts';

/** `/about` → the file `about.html`; undefined for what is no such path. */
export function cleanRoute(method: string, path: RequestPath): FileRoute | undefined {
  const last = path.segments.at(-1);
  if (!isReading(method) || last === undefined || path.isDirectory) return undefined;
  if (path.modulePath !== undefined) return undefined;
  const segments = [...path.segments.slice(0, -1), `${last}.html`];
  return { kind: 'file', segments, isDirectory: false };
}

/**
 * Whether a single-page application answers: to somebody who opens a page. A script that fetches
 * data, or a page that wants a picture which is not there, must see that it is missing.
 */
export function wantsApplication({ headers, method }: RequestHead, path: RequestPath): boolean {
  if (!isReading(method) || path.modulePath !== undefined) return false;
  if (path.segments.at(-1)?.includes('.') === true) return false;
  const accept = combinedField(headers, 'accept') ?? '';
  return /(?:^|[,\s])text\/html(?:$|[\s;,])/i.test(accept);
}

/** The file of a page of settings, which begins with `/`. */
export function pageRoute(page: string): FileRoute {
  return { kind: 'file', segments: page.slice(1).split('/'), isDirectory: false };
}

/** Failures of a folder's modules, and not of the daemon's: what the page 500 is for. */
const guestFailures: ReadonlySet<ErrorCode> = new Set([
  'bad-reply',
  'guest-exited',
  'guest-out-of-cpu',
  'guest-out-of-memory',
  'guest-out-of-time',
  'guest-trapped',
  'module-quarantined',
  'module-refused',
  'no-answer',
  'reply-too-large',
]);
const failedPage = 500;

/** The page that tells of `error`, where the folder has one. */
export function errorPageOf(pages: ErrorPages | undefined, error: ErrorRecord): string | undefined {
  if (pages === undefined) return undefined;
  if (guestFailures.has(error.code)) return pages.get(failedPage);
  const { status } = errorRow(error.code);
  return status < failedPage ? pages.get(status) : undefined;
}

function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Whether anything but the nearest `index.wasm` may answer for what is not there. */
export function hasStandIns({ settings }: Pick<Site, 'settings'>): boolean {
  if (settings === undefined) return false;
  const { redirects, routes, site } = settings;
  if (redirects !== undefined || routes !== undefined) return true;
  return site?.cleanUrls === true || site?.spa !== undefined;
}
