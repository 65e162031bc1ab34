/** The two parts of a request target in origin form (RFC 9112, section 3.2.1). Pure. */

/** What stands before the first `?`, as received. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}

/** What stands behind the first `?`, as received; empty where there is none. */
export function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? '' : target.slice(mark + 1);
}
