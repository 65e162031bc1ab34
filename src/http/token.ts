/** Tokens of HTTP: methods, names of fields, names of protocols. Pure. */

/** The characters of a token (RFC 9110, section 5.6.2), for use inside `[…]`. */
const characters = String.raw`!#$%&'*+\-.^_\x60|~0-9A-Za-z`;
const token = new RegExp(`^[${characters}]+$`);
const fieldStart = new RegExp(`^[${characters}]+:`);

export function isToken(text: string): boolean {
  return token.test(text);
}

/** Whether `line` begins as the line of a field does: a token and a colon. */
export function beginsField(line: string): boolean {
  return fieldStart.test(line);
}
