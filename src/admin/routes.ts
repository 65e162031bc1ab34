/** Which verb a request to the admin listener asks for. Touches nothing. */
import { TerrafirmaError } from '../errors.ts';
import { quoteReceived } from '../names.ts';
import type { Route } from './request.ts';

export interface Match {
  readonly route: Route;
  readonly params: readonly string[];
}

interface Compiled {
  readonly route: Route;
  readonly segments: readonly string[];
}

export class Routes {
  readonly #routes: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: segmentsOf(route.path) }));
  }

  /**
   * HEAD is answered as GET is.
   *
   * @throws TerrafirmaError `admin-verb`, `admin-method`.
   */
  find(method: string, path: string): Match {
    const asked = method === 'HEAD' ? 'GET' : method;
    const segments = segmentsOf(path);
    const matches = this.#routes.flatMap(({ route, segments: pattern }) => {
      const params = matchSegments(pattern, segments);
      return params === undefined ? [] : [{ route, params }];
    });
    const match = matches.find(({ route }) => route.method === asked);
    if (match !== undefined) return match;
    if (matches.length === 0) {
      const detail = 'Cannot answer: the path must be that of a verb';
      throw new TerrafirmaError('admin-verb', `${detail}: received ${quoteReceived(path)}`);
    }
    const methods = matches.map(({ route }) => route.method).join(', ');
    const detail = `Cannot answer: the method must be ${methods}`;
    throw new TerrafirmaError('admin-method', `${detail}: received ${quoteReceived(method)}`);
  }
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').slice(1);
}

/** What stands for each `{}`; undefined where they do not match. */
function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): readonly string[] | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: string[] = [];
  for (const [at, segment] of segments.entries()) {
    if (pattern[at] === '{}') {
      const text = decode(segment);
      if (text === undefined || text === '') return undefined;
      params.push(text);
    } else if (pattern[at] !== segment) return undefined;
  }
  return params;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
