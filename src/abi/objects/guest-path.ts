/**
 * The path that a guest sees. `/app.wasm/users/1` is `/users/1` for it, as if it had the host for
 * itself, so that unchanged routers work; what comes before stands in `x-forwarded-prefix`. What
 * answers as an `index.wasm` or by a route sees all of the path.
 */
import { Buffer } from 'node:buffer';
import type { Header, RequestHead } from '../../http/message.ts';
import { pathOf } from '../../http/target.ts';

export interface GuestPath {
  /** Path and query. */
  readonly target: string;
  /** Undefined where nothing was cut. */
  readonly prefix: string | undefined;
}

const prefixHeader = 'x-forwarded-prefix';

/** The module may also be asked for by the name of a version: `/app.wasm@3f5a9c1d`. */
export function guestPathOf(
  { target, scriptName }: Pick<RequestHead, 'target' | 'scriptName'>,
  modulePath: string,
): GuestPath {
  const own = `/${modulePath}`;
  const isNamed = scriptName === own || scriptName.startsWith(`${own}@`);
  if (!isNamed) return { target, prefix: undefined };
  const path = pathOf(target);
  let at = 0;
  // As many segments as the name has, which is not encoded as the path may be.
  for (let slash = 0; slash !== -1 && at !== -1; slash = scriptName.indexOf('/', slash + 1)) {
    at = path.indexOf('/', at + 1);
  }
  const named = at === -1 ? path : path.slice(0, at);
  // `terrafirma run` gives a module paths that are not below its name.
  if (named !== scriptName && decoded(named) !== scriptName) return { target, prefix: scriptName };
  const rest = at === -1 ? '/' : path.slice(at);
  return { target: `${rest}${target.slice(path.length)}`, prefix: scriptName };
}

/** Undefined for what is no encoding. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** A visitor's own word for the prefix gives way to ours. */
export function withPrefix(headers: readonly Header[], { prefix }: GuestPath): readonly Header[] {
  if (prefix === undefined) return headers;
  const others = headers.filter(([name]) => name !== prefixHeader);
  return [...others, [prefixHeader, Buffer.from(prefix, 'utf8').toString('latin1')]];
}
