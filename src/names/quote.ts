const QUOTED_CHARS_MAX = 120;

/**
 * A hostile string for an error detail or the log: quoted, cut, and with every character that could
 * forge a log line or a terminal command (controls, line separators, non-ASCII) written as \u….
 */
export function quoteReceived(text: string): string {
  const cut = text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e…]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
