/**
 * Where a redirect leads: `/posts/:year/:splat`, or a full `https:` URL. Pure, and plain data.
 *
 * What a visitor wrote can neither change the host nor, by an empty segment, make a path that
 * begins with `//` and so names another host (the open redirect of many servers); dots lead
 * nowhere.
 */
import { type Captures, restName } from './path-patterns.ts';

export interface PathTarget {
  /** `https://other.example`; undefined: the same site. */
  readonly origin?: string;
  readonly pieces: readonly TargetPiece[];
  readonly hasQuery: boolean;
}

export type TargetPiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'capture'; readonly name: string; readonly isInQuery: boolean };

const targetCharsMax = 2_048;
const capturePattern = /:([A-Za-z][A-Za-z0-9_]*)/g;

/**
 * Reads a target; a string says what it must be instead.
 *
 * @param names What the pattern before it captures; `splat` where it ends in `*`.
 */
export function parsePathTarget(text: string, names: readonly string[]): PathTarget | string {
  if (text.length > targetCharsMax) return `must have at most ${targetCharsMax} characters`;
  if (!/^[\x21-\x7e\x80-\uffff]+$/.test(text) || text.includes('\\')) {
    return 'must hold no spaces, control characters or "\\"';
  }
  if (/^\/\//.test(text)) return 'must be a full "https:" URL to lead to another host';
  const absolute = /^https:\/\/[^/?#]*/i.exec(text);
  if (absolute === null && !text.startsWith('/')) return 'must begin with "/" or "https://"';
  const origin = absolute === null ? undefined : readOrigin(absolute[0]);
  if (absolute !== null && origin === undefined) return 'must be a URL with a host name';
  const rest = absolute === null ? text : text.slice(absolute[0].length);
  if (/(?:^|\/)\.{1,2}(?:[/?#]|$)/.test(rest.split(/[?#]/, 1)[0] ?? '')) {
    return 'must not hold "." or ".."';
  }
  const pieces = cutPieces(rest);
  const strange = pieces.find((piece) => piece.kind === 'capture' && !names.includes(piece.name));
  if (strange?.kind === 'capture') {
    return `may use only what "from" captures; write "%3A" for a colon before "${strange.name}"`;
  }
  return { ...(origin === undefined ? {} : { origin }), pieces, hasQuery: rest.includes('?') };
}

/** User info would be a password in the open, a name in the host an open redirect. */
function readOrigin(text: string): string | undefined {
  if (text.includes('@') || !URL.canParse(text)) return undefined;
  return new URL(text).origin;
}

function cutPieces(text: string): readonly TargetPiece[] {
  const pieces: TargetPiece[] = [];
  const queryAt = text.search(/[?#]/);
  let at = 0;
  for (const found of text.matchAll(capturePattern)) {
    if (found.index > at) pieces.push(literal(text.slice(at, found.index)));
    const isInQuery = queryAt !== -1 && found.index > queryAt;
    pieces.push({ kind: 'capture', name: found[1] ?? '', isInQuery });
    at = found.index + found[0].length;
  }
  if (at < text.length) pieces.push(literal(text.slice(at)));
  return pieces;
}

/** As it is written, but for what no header and no request line may hold. */
function literal(text: string): TargetPiece {
  return { kind: 'text', text: toAscii(text) };
}

function toAscii(text: string): string {
  return text.replace(/[^\x21-\x7e]+/g, (run) => encodeURIComponent(run.toWellFormed()));
}

/**
 * The target for one request; undefined when what was captured leads nowhere, such as `..` in the
 * path after a module: the rule does not apply then.
 *
 * @param query That of the request, without `?`; kept where the target has none of its own.
 */
export function expandTarget(
  target: PathTarget,
  captures: Captures,
  query: string,
): string | undefined {
  let path = '';
  for (const piece of target.pieces) {
    if (piece.kind === 'text') path += piece.text;
    else {
      const segments = captures.get(piece.name) ?? [];
      if (segments.some((segment) => segment === '.' || segment === '..')) return undefined;
      path += piece.isInQuery
        ? encodeSegment(segments.join('/'))
        : segments
            .filter((segment) => segment !== '')
            .map(encodeSegment)
            .join('/');
    }
  }
  // With its own slash before an empty capture, or with none at all.
  const oneSlash = `/${path.replace(/^\/+/, '')}`;
  const kept = query === '' || target.hasQuery ? oneSlash : appendQuery(oneSlash, toAscii(query));
  return `${target.origin ?? ''}${kept}`;
}

function appendQuery(path: string, query: string): string {
  const hash = path.indexOf('#');
  return hash === -1 ? `${path}?${query}` : `${path.slice(0, hash)}?${query}${path.slice(hash)}`;
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment.toWellFormed());
}

/** What a pattern with `*` and `:name`s captures. */
export function captureNames(names: readonly string[], hasRest: boolean): readonly string[] {
  return hasRest ? [...names, restName] : names;
}
