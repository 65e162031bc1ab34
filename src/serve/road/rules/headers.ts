/** What a folder's `[[headers]]` put on one answer. Pure. */
import type { Header } from '../../../http/message.ts';
import { matchAll } from '../../../site/path-patterns.ts';
import type { Headers } from '../../../site/settings/headers.ts';

/**
 * `file`: the file that was asked for. `module`: what a guest answers. `stand-in`: a page in place
 * of what was asked for: that of a single-page application, or one that tells of an error.
 */
export type AnswerKind = 'file' | 'module' | 'stand-in';

/**
 * They tell of the file that was asked for. On a page that stands in for a missing one they would
 * be wrong, and caches would keep the wrong page for as long as the right file.
 */
const aboutTheFile: ReadonlySet<string> = new Set([
  'cache-control',
  'cdn-cache-control',
  'content-disposition',
  'content-language',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'pragma',
  'surrogate-control',
]);
const none: readonly Header[] = [];

/**
 * All that rules say about `path`, each name once: a later rule comes over a former one.
 *
 * @param path As `ruledPath` gives it.
 */
export function headersFor(
  settings: Headers | undefined,
  path: string,
  kind: AnswerKind,
): readonly Header[] {
  if (settings === undefined) return none;
  const found = new Map<string, string>();
  for (const index of matchAll(settings.table, path)) {
    const rule = settings.rules[index];
    if (rule === undefined || (kind === 'module' && !rule.isForModules)) continue;
    for (const [name, value] of rule.headers) {
      if (kind !== 'stand-in' || !aboutTheFile.has(name)) found.set(name, value);
    }
  }
  return [...found];
}
