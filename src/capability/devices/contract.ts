/** What visitors' programs are, as a guest's ABI sees it. */

export interface Devices {
  /** One JSON object of what is said of the text of a `User-Agent`; undefined for nothing. */
  lookup(userAgent: string): string | undefined;
}
