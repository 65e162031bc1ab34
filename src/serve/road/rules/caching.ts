/** How long browsers and caches may keep a file. Pure. */

/** They ask each time whether it is still the same. */
export const noCache = 'no-cache';
const forEver = 'public, max-age=31536000, immutable';
const forEverPrivate = 'private, max-age=31536000, immutable';

/** Of a page, a name stays and its content changes, whatever it is called. */
const pages = /\.(?:html?|xhtml|json|webmanifest|xml|txt|pdf)$/i;
/** Between separators: `app.3f5a9c1d.js`, `index-BaX3k2dF.js`, `3f5a9c1d2e.css`. */
const separators = /[.\-_~]/;
const hex = /^[\da-f]{8,64}$/;
/** `-` and `_` are digits of base64url, too: a hash that holds them is seen by its longest part. */
const base64url = /^(?=[^A-Z]*[A-Z])[A-Za-z\d]{8,64}$/;
/** Digits within letters, as in no word, and in no word with a year at its end. */
const isMixed = /[A-Za-z]\d+[A-Za-z]|\d[A-Za-z]+\d/;

/**
 * The value of Cache-Control for a file of that name. Builders put a hash of the content into names
 * (eight digits or more), so that another content has another name. What is taken for a hash is
 * kept for a year: in doubt it is none.
 *
 * @param isPublic Whether everybody may read the file; else shared caches must not keep it.
 */
export function cacheControlOf(name: string, isPublic: boolean): string {
  if (pages.test(name)) return noCache;
  // The last part is the extension.
  const parts = name.split(separators).slice(0, -1);
  if (!parts.some(isHash)) return noCache;
  return isPublic ? forEver : forEverPrivate;
}

/** In base64url only behind something else: a file may well be called `MyReport2`. */
function isHash(part: string, index: number): boolean {
  return isMixed.test(part) && (hex.test(part) || (index > 0 && base64url.test(part)));
}
