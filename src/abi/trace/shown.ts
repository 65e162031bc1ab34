/** What a person reads of texts and bytes of guests, who trusts none of them. */
import { withoutSecrets } from '../../names.ts';
import type { GuestHost } from '../abi.ts';
import type { HostcallFacts } from '../hostcall.ts';

/** Of one text. */
export const textBytesShownMax = 64;
/** Of a list. */
export const itemsShownMax = 8;

export const hidden = '[hidden]';

export interface CallSight {
  readonly facts: HostcallFacts;
  readonly args: readonly (number | bigint)[];
  /** Looked at only for an address: a module that passes none may have no memory. */
  readonly host: Pick<GuestHost, 'memory'>;
  /** Whether contents, queries and the values of secret headers are shown. */
  readonly showsSecrets: boolean;
}

/**
 * The beginning of a text in quotes, and how many bytes it has where that is not all of it. Of an
 * address on the web only what is no secret, unless `showsSecrets`.
 */
export function showText(text: string, bytes: number, showsSecrets: boolean): string {
  const shown =
    showsSecrets || !/^(?:\/|[a-z][a-z0-9+.-]*:\/\/)/i.test(text) ? text : withoutSecrets(text);
  const rest = bytes > textBytesShownMax ? `… (${bytes} bytes)` : '';
  return `${quote(shown)}${shown === text ? rest : '…'}`;
}

/** In quotes, and with nothing in it that could forge a line or command a terminal. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Where something should be that does not lie in memory. */
export function showOutside(ptr: number, len: number): string {
  return `0x${(ptr >>> 0).toString(16)}+${len >>> 0}`;
}
