import { describe, expect, test } from 'vitest';
import { mediaTypeOf } from '../../src/http/media-types.ts';

describe('mediaTypeOf()', () => {
  test.each([
    ['index.html', 'text/html; charset=utf-8'],
    ['app.js', 'text/javascript; charset=utf-8'],
    ['data.json', 'application/json; charset=utf-8'],
    ['icon.svg', 'image/svg+xml; charset=utf-8'],
    ['favicon.ico', 'image/vnd.microsoft.icon'],
    ['FAVICON.ICO', 'image/vnd.microsoft.icon'],
    ['stream.m3u8', 'application/vnd.apple.mpegurl'],
    ['piece.ts', 'video/mp2t'],
    ['song.flac', 'audio/flac'],
    ['film.mkv', 'video/x-matroska'],
    ['film.mp4', 'video/mp4'],
    ['film.avi', 'video/x-msvideo'],
    ['book.epub', 'application/epub+zip'],
    ['sheet.xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    ['archive.tar.zst', 'application/zstd'],
    ['archive.7z', 'application/x-7z-compressed'],
    ['main.rs', 'text/plain; charset=utf-8'],
    ['app.cjs', 'text/javascript; charset=utf-8'],
    ['hand.cur', 'image/vnd.microsoft.icon'],
    ['no-extension', 'application/octet-stream'],
    ['strange.qqq', 'application/octet-stream'],
  ])('knows %s', (name, type) => expect(mediaTypeOf(name)).toBe(type));
});
