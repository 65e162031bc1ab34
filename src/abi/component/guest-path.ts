/**
 * The path that a component sees. `/app.wasm/users/1` is `/users/1` for it, as if it had the host
 * for itself; what comes before stands in `x-forwarded-prefix`. Where its name is not part of what
 * the visitor asked for, as with `index.wasm` and routes, it sees all of it.
 */
import type { RequestHead } from '../../http/message.ts';
import { pathOf } from '../../http/target.ts';

export interface GuestPath {
  /** Path and query. */
  readonly target: string;
  /** Empty where nothing was cut. */
  readonly prefix: string;
}

export function guestPathOf({ target, scriptName, query }: RequestHead): GuestPath {
  const path = pathOf(target);
  const segmentCount = scriptName.split('/').length;
  const segments = path.split('/');
  const prefix = segments.slice(0, segmentCount).join('/');
  if (decode(prefix) !== scriptName) return { target, prefix: '' };
  const rest = `/${segments.slice(segmentCount).join('/')}`;
  return { target: query === '' ? rest : `${rest}?${query}`, prefix };
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
