/** Values of header fields, and how to find them in a head. Names are in lower case. Pure. */
import type { Header } from './message.ts';

/** RFC 9110, section 5.5: visible characters, obs-text, space and tab; one character a byte. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const space = 0x20;
const tab = 0x09;

/** Whether a value can stand in a head; what has a line end in it would begin another field. */
export function isFieldValue(text: string): boolean {
  return fieldValue.test(text);
}

/** Without what may stand around a value (OWS: RFC 9110, section 5.6.3). */
export function trimSpace(text: string): string {
  let start = 0;
  while (isSpace(text.charCodeAt(start))) start += 1;
  return trimSpaceBehind(start === 0 ? text : text.slice(start));
}

/** The same for what stands behind it alone. */
export function trimSpaceBehind(text: string): string {
  let end = text.length;
  while (isSpace(text.charCodeAt(end - 1))) end -= 1;
  return end === text.length ? text : text.slice(0, end);
}

/** NaN, which is beyond a text, is none. */
function isSpace(code: number): boolean {
  return code === space || code === tab;
}

/** The value of the first field of that name. */
export function firstField(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([one]) => one === name)?.[1];
}

/** All fields of that name as the one list that they are (RFC 9110, section 5.3). */
export function combinedField(headers: readonly Header[], name: string): string | undefined {
  let combined: string | undefined;
  for (const [one, value] of headers) {
    if (one === name) combined = combined === undefined ? value : `${combined}, ${value}`;
  }
  return combined;
}
