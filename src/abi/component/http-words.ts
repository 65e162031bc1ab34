/** Methods and schemes as variants. */
import { isToken } from '../../http/token.ts';
import type { Variant } from './results.ts';

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
] as const;
const schemes = ['http', 'https'] as const;

export function methodOf(method: string): Variant {
  const tag = (methods as readonly string[]).indexOf(method);
  return tag === -1 ? { tag: methods.length, value: method } : { tag, value: undefined };
}

/** Undefined where it is none of HTTP. */
export function methodName({ tag, value }: Variant): string | undefined {
  const known = methods[tag];
  if (known !== undefined) return known;
  return typeof value === 'string' && isToken(value) ? value : undefined;
}

export function schemeOf(scheme: string): Variant {
  const tag = (schemes as readonly string[]).indexOf(scheme);
  return tag === -1 ? { tag: schemes.length, value: scheme } : { tag, value: undefined };
}

/** Undefined where it is no scheme at all (RFC 3986, section 3.1). */
export function schemeName({ tag, value }: Variant): string | undefined {
  const known = schemes[tag];
  if (known !== undefined) return known;
  const isScheme = typeof value === 'string' && /^[a-z][a-z0-9+.-]*$/i.test(value);
  return isScheme ? value.toLowerCase() : undefined;
}
