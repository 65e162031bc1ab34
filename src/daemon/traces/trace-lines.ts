/** Traces as serving threads write them: lines of bytes that nobody here takes apart. Pure. */

/** Some traces: whole lines, see `RequestSpans.end`. */
export interface TraceLines {
  readonly bytes: Buffer;
  readonly count: number;
}

const lineEnd = 0x0a;
/** What is taken, sent and dropped together. */
const linesMax = 64;
const bytesMax = 512 * 1024;

/** In parts of at most 64 lines, or of 512 KiB. Of the same memory. */
export function partsOf(lines: Uint8Array): readonly TraceLines[] {
  const all = Buffer.from(lines.buffer, lines.byteOffset, lines.length);
  const parts: TraceLines[] = [];
  let start = 0;
  let count = 0;
  for (let end = all.indexOf(lineEnd) + 1; end > 0; end = all.indexOf(lineEnd, end) + 1) {
    count += 1;
    if (count < linesMax && end - start < bytesMax && end < all.length) continue;
    parts.push({ bytes: all.subarray(start, end), count });
    start = end;
    count = 0;
  }
  return parts;
}

/** The line that has `mark` in it. */
export function lineWith(bytes: Buffer, mark: string): string | undefined {
  const at = bytes.indexOf(mark);
  if (at === -1) return undefined;
  const start = bytes.lastIndexOf(lineEnd, at) + 1;
  return bytes.toString('utf8', start, bytes.indexOf(lineEnd, at) + 1);
}
