/**
 * Which names inside a folder are the owner's words and which are the leavings of sync tools and
 * editors (docs/spec/folders.md, 6). One segment at a time.
 */

/** `served`: publish. `conflict`: a copy of a real file, worth telling the owner. */
export type NameClass = 'served' | 'conflict' | 'ignored';

/** ext4, APFS and NTFS agree on 255; KBFS too. Longer names cannot exist. */
export const segmentBytesMax = 255;
/** The one directory with a leading dot whose files are served, at the top of a site. */
export const wellKnownDirectory = '.well-known';
const served = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** KBFS, Syncthing, Dropbox, Nextcloud, Drive; Dropbox writes "Alice's conflicted copy". */
const conflictPattern =
  /\.sync-conflict-|\.conflicted|conflicted copy|\(case conflict\)|\(selective sync conflict\)/;
/** `hello (1).wasm`, as download tools and Drive count copies; never a name that is served. */
const numberedCopy = / \(\d+\)(?:\.[^.]*)?$/;
const temporaryPattern = /\.(?:tmp|temp|part|partial|crdownload|swp|swx)$/;
/**
 * What the owner tells the daemon, with what may be secrets in it, and what people, editors and
 * tools leave beside it: `fastly.toml.bak`, `fastly.stage.toml` (which the vendor's tool reads with
 * `--env stage`), `terrafirma (1).toml`, `Copy of fastly.toml`, `#fastly.toml#`.
 */
const settingsPattern = /^(?:#|copy of )?(?:terrafirma|fastly)(?:[. (].*)?\.toml/;
const internal = new Set(['desktop.ini', 'thumbs.db']);
/** Characters that show nothing: APFS and HFS+ skip some of them when they compare names. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;
const everyInvisible = new RegExp(invisible, 'gu');
/**
 * Invisible characters that belong to the word they stand in: joiners of Persian, Indic scripts and
 * emoji, variation selectors, the tags of regional flags. Never behind plain ASCII, where they only
 * make one name look like another; a selector may follow the digits of keycaps.
 */
const ownWords = new RegExp(
  [
    String.raw`(?<=[^\x00-\x7f])[\u200c\u200d\u{e0100}-\u{e01ef}]`,
    String.raw`(?<=[^\x00-\x7f]|[0-9#*])[\ufe00-\ufe0f]`,
    String.raw`(?<=\u{1f3f4})[\u{e0061}-\u{e007a}\u{e0030}-\u{e0039}]{1,16}\u{e007f}`,
  ].join('|'),
  'gu',
);

/**
 * The positive rule for every segment of a module's path: an ASCII letter, digit or `_` first, then
 * also `.` and `-`; no conflict copy, no temporary. The last segment must also end in `.wasm`;
 * that is the caller's to check.
 */
export function isServedName(segment: string): boolean {
  return classifyName(segment) === 'served';
}

/** `isServedName` with the reason, for the publisher, who logs each conflict copy once. */
export function classifyName(segment: string): NameClass {
  const folded = foldName(segment);
  if (conflictPattern.test(folded) || numberedCopy.test(folded)) return 'conflict';
  if (segment.length > segmentBytesMax || !served.test(segment)) return 'ignored';
  return temporaryPattern.test(folded) || isInternal(folded) ? 'ignored' : 'served';
}

/** Whether it is, or may be a copy of, a file in which the owner says what holds for the folder. */
export function isSettingsName(segment: string): boolean {
  return settingsPattern.test(foldName(segment));
}

function isInternal(folded: string): boolean {
  return internal.has(folded) || settingsPattern.test(folded);
}

/**
 * The wider rule for static files: any script, spaces, quotes and parentheses are fine. Not: a
 * leading dot; `~` (backups, temporaries, `.stversions` copies, 8.3 aliases such as HELLO~1.WAS);
 * control characters, and invisible ones that are no part of a word; `/` and `\`; a final dot or
 * space (Windows drops them, so they would be an alias); conflict copies, temporaries, the daemon's
 * own files; aliases of a `.wasm`.
 */
export function isStaticName(segment: string): boolean {
  if (segment === '' || segment.startsWith('.') || /[~/\\]/.test(segment)) return false;
  if (Buffer.byteLength(segment) > segmentBytesMax || /[. ]$/.test(segment)) return false;
  if (!isPlain(segment) && invisible.test(segment.replace(ownWords, ''))) return false;
  const folded = foldName(segment);
  if (conflictPattern.test(folded) || temporaryPattern.test(folded) || isInternal(folded))
    return false;
  return !folded.startsWith('.') && !folded.endsWith('.wasm');
}

/**
 * What a forgiving file system could take `segment` for: case-folded (`ſ` is an `s` on APFS),
 * compatibility forms and invisible characters undone, NTFS streams (`x.wasm::$DATA`) and final
 * dots and spaces cut. Only for comparing; never a name to open.
 */
export function foldName(segment: string): string {
  const folded = isPlain(segment)
    ? segment.toLowerCase()
    : segment.normalize('NFKC').replace(everyInvisible, '').toUpperCase().toLowerCase();
  const [beforeStream = ''] = folded.split(':', 1);
  return trimDots(beforeStream);
}

/** A loop: `/[. ]+$/` takes the square of the length for a long row of dots inside. */
function trimDots(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '.' || text[end - 1] === ' ')) end -= 1;
  return text.slice(0, end);
}

/** Nearly every name: visible ASCII needs no Unicode tables, and every request passes here. */
function isPlain(segment: string): boolean {
  return /^[\x20-\x7e]*$/.test(segment);
}

/**
 * The names under which the file may be stored, the one asked for first: what macOS decomposes and
 * a browser composes is one name to people, and two to most file systems. What differs is static.
 */
export function spellingsOf(segments: readonly string[]): readonly (readonly string[])[] {
  if (segments.every(isPlain)) return [segments];
  const spellings = [segments];
  for (const form of ['NFC', 'NFD']) {
    const spelled = segments.map((segment) => segment.normalize(form));
    const isNew = spellings.every((one) => one.some((name, index) => name !== spelled[index]));
    const isServed = spelled.every((name, index) => name === segments[index] || isStaticName(name));
    if (isNew && isServed) spellings.push(spelled);
  }
  return spellings;
}

/**
 * Why a file of that name is never served, for its owner; undefined when it is, or when the name
 * begins with a dot, which everybody knows to be hidden.
 */
export function explainName(segment: string): string | undefined {
  if (segment.startsWith('.')) return undefined;
  // `photo (1).jpg` counts as a copy among modules alone.
  if (isStaticName(segment)) return undefined;
  const folded = foldName(segment);
  if (classifyName(segment) === 'conflict') return 'it is a conflict copy: merge it and delete it';
  const isModule = segment.endsWith('.wasm') && isServedName(segment);
  if (folded.endsWith('.wasm')) return isModule ? undefined : moduleRule;
  if (isOwners(folded)) return undefined;
  if (settingsPattern.test(folded)) return 'it may be a copy of the settings, with secrets in it';
  if (segment.includes('~')) return 'a "~" marks backups and temporary files';
  if (temporaryPattern.test(folded)) return 'its ending marks an unfinished or temporary file';
  if (/[. ]$/.test(segment)) return 'a name must not end in a dot or a space';
  if (segment.includes('\\')) return 'a name must not hold a backslash';
  return 'its name is too long or holds characters that cannot be seen';
}

/** The settings themselves, and what systems leave: nobody expects them to be served. */
function isOwners(folded: string): boolean {
  return internal.has(folded) || folded === 'terrafirma.toml' || folded === 'fastly.toml';
}

const moduleRule =
  'the name of a module holds ASCII letters, digits, "_", "-" and "." and ends in ".wasm"';
