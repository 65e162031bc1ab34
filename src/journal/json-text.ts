/** JSON by hand, where a general encoder would cost more than the work it tells of. Pure. */

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A string of JSON; most texts need no escapes. */
export function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}
