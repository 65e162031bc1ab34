/** Tokens of HTTP: methods, names of fields, names of protocols. Pure. */

/** The characters of a token (RFC 9110, section 5.6.2), for use inside `[…]`. */
const characters = String.raw`!#$%&'*+\-.^_\x60|~0-9A-Za-z`;
const fieldStart = new RegExp(`^[${characters}]+:`);

/** A token; for rules that are told to others, such as editors. */
export const tokenPattern = new RegExp(`^[${characters}]+$`);

export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

/** Whether `line` begins as the line of a field does: a token and a colon. */
export function beginsField(line: string): boolean {
  return fieldStart.test(line);
}
