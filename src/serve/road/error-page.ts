/**
 * The daemon's own answer to a failure, in the form the client asks for by name: a page, a problem
 * (RFC 9457), or one line of text. The page loads nothing and runs nothing, and what strangers
 * chose stands in it as text.
 */
import { createHash } from 'node:crypto';
import { type ErrorRecord, errorRow, visitorSentence } from '../../errors.ts';
import { acceptedType } from '../../http/accepted-type.ts';
import { combinedField } from '../../http/fields.ts';
import type { Header, RequestHead } from '../../http/message.ts';
import { type ErrorWords, errorWords, nothingAtRoot, otherWords } from './error-words.ts';

/** What is known of the request that failed. */
export interface FailedRequest {
  readonly head: Pick<RequestHead, 'headers' | 'target'>;
  readonly requestId: string;
  /** For the command that the owner is told; none, or empty, where no name leads to the folder. */
  readonly hostName: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

export interface FailureBody {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly headers: readonly Header[];
}

const types = ['text/html', 'application/problem+json', 'application/json'] as const;
/** What a stranger chose is shown up to here. */
const shownCharsMax = 200;
const sentenceCharsMax = 600;
/** Where a folder is served by its path, which is not for visitors. */
const folderWord = 'FOLDER';

const style =
  ':root{color-scheme:light dark;--ink:#1c2330;--soft:#5d6675;--line:#dfe3ea;--paper:#fff}' +
  '@media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--soft:#9aa4b5;--line:#2d3542;' +
  '--paper:#12161d}}' +
  'body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,sans-serif}' +
  'main{max-width:34rem;margin:14vh auto;padding:0 1.5rem}' +
  'h1{font-size:1.7rem;line-height:1.25;margin:.2rem 0 1rem}' +
  '.status{color:var(--soft);font-weight:600;letter-spacing:.04em;margin:0}' +
  '.id{color:var(--soft);font-size:.85rem;border-top:1px solid var(--line);' +
  'margin-top:2rem;padding-top:1rem}' +
  'details{color:var(--soft);font-size:.9rem}code{overflow-wrap:anywhere}';
const styleHash = createHash('sha256').update(style).digest('base64');
const pageHeaders: readonly Header[] = [
  [
    'content-security-policy',
    `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; ` +
      "frame-ancestors 'none'",
  ],
  ['x-robots-tag', 'noindex'],
];

const encoder = new TextEncoder();

export function failureBody(error: ErrorRecord, failed: FailedRequest): FailureBody | undefined {
  const accept = combinedField(failed.head.headers, 'accept');
  const type = accept === undefined ? undefined : acceptedType(accept, types);
  if (type === undefined) return undefined;
  if (type === 'text/html') {
    const bytes = encoder.encode(page(error, failed));
    return { mediaType: 'text/html; charset=utf-8', bytes, headers: pageHeaders };
  }
  const { status } = errorRow(error.code);
  const problem = {
    type: 'about:blank',
    title: wordsOf(error, failed).title,
    status,
    code: error.code,
    detail: visitorSentence(error),
    requestId: failed.requestId,
  };
  const bytes = encoder.encode(`${JSON.stringify(problem)}\n`);
  return { mediaType: 'application/problem+json', bytes, headers: [] };
}

function wordsOf(error: ErrorRecord, { head }: FailedRequest): ErrorWords {
  const isRoot = error.code === 'not-found' && /^\/(?:$|\?)/.test(head.target);
  return isRoot ? nothingAtRoot : (errorWords[error.code] ?? otherWords);
}

function page(error: ErrorRecord, failed: FailedRequest): string {
  const { status, retryAfterS } = errorRow(error.code);
  const { owner, title, visitor } = wordsOf(error, failed);
  const hostName = cut(failed.hostName || folderWord, shownCharsMax);
  const seconds = retryAfterS === 1 ? 'a second' : `${retryAfterS} seconds`;
  const again = retryAfterS === undefined ? '' : ` It may work again in ${seconds}.`;
  const step = owner?.replace('HOST', hostName).replace('ID', failed.requestId);
  const time = new Date(failed.nowMs).toISOString();
  const advice = `${visitor ?? ''}${again}`.trim();
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escaped(title)}</title><style>${style}</style></head><body><main>`,
    `<p class="status">${status}</p><h1>${escaped(title)}</h1>`,
    `<p>${escaped(cut(visitorSentence(error), sentenceCharsMax))}</p>`,
    advice === '' ? '' : `<p>${escaped(advice)}</p>`,
    `<p class="id">Request <code>${escaped(failed.requestId)}</code> · ${time}</p>`,
    '<details><summary>For the owner of this site</summary>',
    step === undefined ? '' : `<p>${escaped(step)}</p>`,
    `<p><code>terrafirma doctor ${escaped(hostName)}</code></p></details>`,
    '</main></body></html>\n',
  ].join('');
}

function cut(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
