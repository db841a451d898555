import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mediaOf, onlyGrew, piecesOf, wallEnd, wallOf } from '../../web/player/wall-map.ts';

const playlist = [
  '#EXTM3U',
  '#EXT-X-PROGRAM-DATE-TIME:2026-11-17T11:00:00.000Z',
  '#EXTINF:2.000,',
  'a.mp4',
  '#EXTINF:2.500,',
  'a.mp4',
  '#EXT-X-DISCONTINUITY',
  '#EXT-X-PROGRAM-DATE-TIME:2026-11-17T11:01:00.000Z',
  '#EXTINF:4.000,',
  'b.mp4',
].join('\n');
const pieces = piecesOf(playlist);
const startMs = Date.parse('2026-11-17T11:00:00.000Z');

test('a playlist gives each entry its media and wall time', () => {
  expect(pieces).toEqual([
    { mediaStart: 0, seconds: 2, wallMs: startMs },
    { mediaStart: 2, seconds: 2.5, wallMs: startMs + 2000 },
    { mediaStart: 4.5, seconds: 4, wallMs: startMs + 60_000 },
  ]);
  expect(wallEnd(pieces)).toBe(startMs + 64_000);
});

test('a moment without footage leads to the next that has some', () => {
  expect(mediaOf(pieces, startMs + 30_000)).toBe(4.5);
  expect(mediaOf(pieces, startMs - 5000)).toBe(0);
  expect(mediaOf(pieces, startMs + 90_000)).toBe(8.5);
  expect(mediaOf([], startMs)).toBeNull();
});

test('media and wall time lead to each other', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 8.499, noNaN: true }), (media) => {
      expect(mediaOf(pieces, wallOf(pieces, media) ?? 0)).toBeCloseTo(media, 6);
    }),
  );
});

test('a playlist that was repaired in its middle did not only grow', () => {
  expect(onlyGrew(pieces.slice(0, 2), pieces)).toBe(true);
  expect(onlyGrew(pieces, pieces.slice(0, 2))).toBe(false);
  expect(onlyGrew([pieces[0]!, pieces[2]!], pieces)).toBe(false);
});
