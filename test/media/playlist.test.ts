import fc from 'fast-check';
import { Parser } from 'm3u8-parser';
import { describe, expect, it } from 'vitest';
import type { StreamFormat } from '../../domain/segment.ts';
import { clipToRange, vodPlaylist, type PlaylistSegment } from '../../media/playlist.ts';

const format: StreamFormat = {
  codec: 'h264',
  codecTag: 'avc1.64001f',
  width: 1920,
  height: 1080,
  fps: 30,
  audioCodec: null,
  initBytes: 800,
  initSha256: 'aa',
};
const dayMs = Date.UTC(2026, 0, 2);

/** 10 s in 2 s entries unless told otherwise. */
function segmentAt(startMs: number, changes: Partial<PlaylistSegment> = {}): PlaylistSegment {
  const entries = Array.from({ length: 5 }, (_, i) => ({ bytes: 1000 + i, ms: 2000, keyBytes: 300 }));
  return { startMs, durationMs: 10_000, anchor: false, format, entries, ...changes };
}

const uriOf = (segment: PlaylistSegment) => `${segment.startMs}.mp4`;

function list(segments: PlaylistSegment[], fromMs = 0, toMs = 2 * dayMs) {
  const playlist = vodPlaylist({ segments, fromMs, toMs, uriOf });
  const parser = new Parser();
  parser.push(playlist.text);
  parser.end();
  return { ...playlist, manifest: parser.manifest };
}

describe('vodPlaylist', () => {
  it('reads as it was measured to play', () => {
    const next = segmentAt(dayMs + 10_000, { entries: [{ bytes: 9, ms: 1967, keyBytes: 4 }] });
    expect(list([segmentAt(dayMs, { anchor: true }), next], dayMs + 7000, dayMs + 20_000).text).toBe(
      `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="${dayMs}.mp4",BYTERANGE="800@0"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T00:00:06.000Z
#EXTINF:2.000,
#EXT-X-BYTERANGE:1003@3803
${dayMs}.mp4
#EXTINF:2.000,
#EXT-X-BYTERANGE:1004@4806
${dayMs}.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T00:00:10.000Z
#EXTINF:1.967,
#EXT-X-BYTERANGE:9@800
${dayMs + 10_000}.mp4
#EXT-X-ENDLIST
`,
    );
  });

  it('marks a gap beyond 500 ms, a new anchor and a new init, and nothing else', () => {
    const marks = (second: PlaylistSegment) => {
      const text = list([segmentAt(dayMs), second]).text;
      return [text.match(/DISCONTINUITY/g)?.length ?? 0, text.match(/EXT-X-MAP/g)?.length ?? 0];
    };
    expect(marks(segmentAt(dayMs + 10_000))).toEqual([0, 1]);
    expect(marks(segmentAt(dayMs + 10_500))).toEqual([0, 1]);
    expect(marks(segmentAt(dayMs + 10_501))).toEqual([1, 1]);
    expect(marks(segmentAt(dayMs + 10_000, { anchor: true }))).toEqual([1, 1]);
    expect(marks(segmentAt(dayMs + 10_000, { format: { ...format, initSha256: 'bb' } }))).toEqual([1, 2]);
  });

  it('takes the init of the object it belongs to, at its own length', () => {
    const other = segmentAt(dayMs + 10_000, { format: { ...format, initSha256: 'bb', initBytes: 900 } });
    const { manifest } = list([segmentAt(dayMs), other]);
    expect(manifest.segments[5]?.map).toMatchObject({
      uri: `${dayMs + 10_000}.mp4`,
      byterange: { offset: 0, length: 900 },
    });
    expect(manifest.segments[5]?.byterange).toEqual({ offset: 900, length: 1000 });
  });

  it('ends where sound begins, and says where to go on', () => {
    const loud = segmentAt(dayMs + 10_000, { format: { ...format, audioCodec: 'aac', initSha256: 'bb' } });
    const playlist = list([segmentAt(dayMs), loud, segmentAt(dayMs + 20_000)], dayMs, dayMs + 30_000);
    expect(playlist.manifest.segments).toHaveLength(5);
    expect(playlist.continuesAtMs).toBe(dayMs + 10_000);
    const rest = list([segmentAt(dayMs), loud, segmentAt(dayMs + 20_000)], dayMs + 10_000, dayMs + 30_000);
    expect(rest.manifest.segments[0]?.map?.uri).toBe(`${dayMs + 10_000}.mp4`);
    expect(rest.continuesAtMs).toBe(dayMs + 20_000);
    expect(list([segmentAt(dayMs)]).continuesAtMs).toBeNull();
  });

  it('ends where the codec changes, for a browser may lack the other one', () => {
    const hevc = segmentAt(dayMs + 10_000, { format: { ...format, codec: 'hevc', initSha256: 'bb' } });
    expect(list([segmentAt(dayMs), hevc]).continuesAtMs).toBe(dayMs + 10_000);
  });

  it('is whole where there is no footage', () => {
    const { text, footageMs, manifest } = list([]);
    expect(footageMs).toBe(0);
    expect(manifest.endList).toBe(true);
    expect(manifest.segments).toEqual([]);
    expect(text).toContain('#EXT-X-TARGETDURATION:1\n');
  });
});

const entry = fc
  .record({ bytes: fc.integer({ min: 1, max: 9_000_000 }), ms: fc.integer({ min: 1, max: 12_000 }) })
  .map(({ bytes, ms }) => ({ bytes, ms, keyBytes: 1 }));
/** Segments in order without overlaps, with holes, anchors and changing inits. */
const timeline = fc
  .array(
    fc.record({
      holeMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 })),
      anchor: fc.boolean(),
      init: fc.constantFrom('aa', 'bb'),
      entries: fc.array(entry, { minLength: 1, maxLength: 8 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => {
    let startMs = dayMs;
    return parts.map(({ holeMs, anchor, init, entries }) => {
      startMs += holeMs;
      const durationMs = entries.reduce((sum, { ms }) => sum + ms, 0);
      const segment = { startMs, durationMs, anchor, entries, format: { ...format, initSha256: init } };
      startMs += durationMs;
      return segment;
    });
  });

describe('any playlist', () => {
  it('parses to the entries that overlap the range, in order, each at its time', () => {
    fc.assert(
      fc.property(timeline, fc.nat(200_000), fc.nat(200_000), (segments, fromOffset, length) => {
        const fromMs = dayMs + fromOffset;
        const toMs = fromMs + length;
        const { manifest, footageMs } = list(segments, fromMs, toMs);
        const expected = segments.flatMap((segment) => {
          let offset = segment.format.initBytes;
          let startMs = segment.startMs;
          return segment.entries.flatMap(({ bytes, ms }) => {
            const here = { uri: uriOf(segment), offset, bytes, startMs, ms };
            offset += bytes;
            startMs += ms;
            return here.startMs < toMs && startMs > fromMs ? [here] : [];
          });
        });
        expect(
          manifest.segments.map(({ uri, byterange, duration, programDateTime }) => ({
            uri,
            offset: byterange?.offset,
            bytes: byterange?.length,
            startMs: programDateTime,
            ms: Math.round(duration * 1000),
          })),
        ).toEqual(expected);
        expect(footageMs).toBe(expected.reduce((sum, { ms }) => sum + ms, 0));
        for (const { ms } of expected) expect(manifest.targetDuration * 1000).toBeGreaterThanOrEqual(ms);
      }),
    );
  });

  it('gives each entry the init of its own object', () => {
    fc.assert(
      fc.property(timeline, (segments) => {
        const initOf = new Map(segments.map((segment) => [uriOf(segment), segment.format.initSha256]));
        for (const { uri, map } of list(segments).manifest.segments) {
          expect(initOf.get(map?.uri ?? '')).toBe(initOf.get(uri));
        }
      }),
    );
  });

  it('has a discontinuity exactly where time or init breaks', () => {
    fc.assert(
      fc.property(timeline, (segments) => {
        const breaks = segments.flatMap((segment, i) => {
          const before = segments[i - 1];
          if (before === undefined) return [];
          const holeMs = segment.startMs - before.startMs - before.durationMs;
          const broken = holeMs > 500 || segment.anchor || before.format.initSha256 !== segment.format.initSha256;
          return broken ? [segment.startMs] : [];
        });
        const found = list(segments).manifest.segments.flatMap(({ discontinuity, programDateTime }) =>
          discontinuity === true ? [programDateTime] : [],
        );
        expect(found).toEqual(breaks);
      }),
    );
  });

  it('covers each range once when cut in two at a border', () => {
    fc.assert(
      fc.property(timeline, fc.nat(11), (segments, pick) => {
        const borderMs = segments[pick % segments.length]?.startMs ?? dayMs;
        const count = (fromMs: number, toMs: number) =>
          clipToRange(segments, fromMs, toMs).reduce((sum, { entries }) => sum + entries.length, 0);
        expect(count(0, borderMs) + count(borderMs, 2 * dayMs)).toBe(count(0, 2 * dayMs));
      }),
    );
  });
});
