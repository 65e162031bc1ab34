import { describe, expect, test } from 'vitest';
import { http2Fingerprint } from '../../../src/serve/http2/opening.ts';
import { frame, headersFrame, preface, settingsFrame, windowFrame } from '../../support/opening.ts';

const firefox = [':method', 'GET', ':path', '/', ':authority', 'a.test', ':scheme', 'https'];

describe('an HTTP/2 fingerprint', () => {
  test('tells settings in their order, the first window, and pseudo-headers', () => {
    const opening = Buffer.concat([
      preface,
      settingsFrame([1, 65_536], [4, 131_072], [5, 16_384], [0x5a5a, 3]),
      windowFrame(12_517_377),
      windowFrame(5),
      headersFrame(),
    ]);
    expect(http2Fingerprint(opening, [...firefox, 'accept', '*/*', ':no', 'x'])).toBe(
      '1:65536;4:131072;5:16384;23130:3|12517377|0|m,p,a,s,n',
    );
  });

  test('tells priorities with their weight from 1', () => {
    const priority = (stream: number, dependency: number, weight: number): Buffer => {
      const payload = Buffer.alloc(5);
      payload.writeUInt32BE(dependency);
      payload[4] = weight;
      return frame(2, 0, stream, payload);
    };
    const opening = Buffer.concat([
      preface,
      settingsFrame([4, 131_072]),
      priority(3, 0, 200),
      priority(5, 0x8000_0003, 255),
      headersFrame(),
    ]);
    expect(http2Fingerprint(opening, [':method', 'GET'])).toBe('4:131072|00|3:0:0:201,5:1:3:256|m');
  });

  test('passes over frames that are no part of it', () => {
    const opening = Buffer.concat([
      preface,
      settingsFrame([2, 0]),
      frame(4, 1, 0, Buffer.alloc(0)),
      windowFrame(9, 1),
      frame(0x10, 0, 0, Buffer.alloc(7)),
      windowFrame(77),
      headersFrame(),
    ]);
    expect(http2Fingerprint(opening, [])).toBe('2:0|77|0|');
  });

  test('tells that there were no settings in an empty frame of them', () => {
    const opening = Buffer.concat([preface, settingsFrame(), headersFrame()]);
    expect(http2Fingerprint(opening, [':path', '/'])).toBe('|00|0|p');
  });

  test('is unknown wherever the opening ends before the first request', () => {
    const opening = Buffer.concat([
      preface,
      settingsFrame([2, 0]),
      windowFrame(77),
      headersFrame(),
    ]);
    for (let length = 0; length < opening.length; length += 1) {
      expect(http2Fingerprint(opening.subarray(0, length), [])).toBeUndefined();
    }
    expect(http2Fingerprint(opening, [])).toBe('2:0|77|0|');
  });

  test('is unknown without a preface, and without settings', () => {
    const rest = Buffer.concat([settingsFrame([2, 0]), headersFrame()]);
    expect(http2Fingerprint(Buffer.concat([Buffer.alloc(24), rest]), [])).toBeUndefined();
    expect(http2Fingerprint(Buffer.concat([preface, headersFrame()]), [])).toBeUndefined();
  });
});
