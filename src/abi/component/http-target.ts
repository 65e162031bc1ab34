/** Where a request goes, as a guest says it: method, scheme, authority and path. */
import { methodName, methodOf, schemeName, schemeOf } from './http-words.ts';
import { failed, ok, type Variant } from './results.ts';

const authorityPattern = /^(?:\[[0-9a-fA-F:.]+\]|[^\s/?#@:[\]\\]+)(?::([0-9]{1,5}))?$/;
const pathPattern = /^[\x21-\x7e\x80-\uffff]*$/;
const portMax = 65_535;
/** Of requests that come in this is the usual limit, too. */
const pathCharactersMax = 8 * 1_024;
const authorityCharactersMax = 1_024;
/** Of methods; schemes have 64. */
const methodCharactersMax = 1_024;
const schemeCharactersMax = 64;

/** Setters answer `result`: what is no valid syntax is not taken. */
export class RequestTarget {
  method: Variant = methodOf('GET');
  path: string | undefined;
  scheme: Variant | undefined;
  authority: string | undefined;

  /** What it counts for in memory. */
  get heldBytes(): number {
    const { authority = '', path = '' } = this;
    return authority.length + path.length + lengthOf(this.method) + lengthOf(this.scheme);
  }

  setMethod(method: Variant): Variant {
    const name = methodName(method);
    if (name === undefined || name.length > methodCharactersMax) return failed();
    this.method = methodOf(name);
    return ok();
  }

  setPath(path: string | undefined): Variant {
    if (path !== undefined && !isPath(path)) return failed();
    // Of HTTP and HTTPS there is no shorter one (RFC 9110, section 4.2.3).
    this.path = path === '' ? '/' : path;
    return ok();
  }

  setScheme(scheme: Variant | undefined): Variant {
    if (scheme === undefined) this.scheme = undefined;
    else {
      const name = schemeName(scheme);
      if (name === undefined || name.length > schemeCharactersMax) return failed();
      // A known one has a case of its own.
      const known = schemeOf(name);
      this.scheme = known.value === undefined ? known : scheme;
    }
    return ok();
  }

  setAuthority(authority: string | undefined): Variant {
    if (authority !== undefined) {
      if (authority.length > authorityCharactersMax) return failed();
      const [whole, port] = authorityPattern.exec(authority) ?? [];
      if (whole === undefined || Number(port ?? 0) > portMax) return failed();
    }
    this.authority = authority;
    return ok();
  }
}

function isPath(path: string): boolean {
  return path.length <= pathCharactersMax && pathPattern.test(path);
}

function lengthOf(named: Variant | undefined): number {
  return typeof named?.value === 'string' ? named.value.length : 0;
}
