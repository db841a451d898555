import { gapToleranceMs } from '../domain/gaps.ts';
import type { Entry, Segment, StreamFormat } from '../domain/segment.ts';

/** What a playlist needs of a segment. */
export type PlaylistSegment = Pick<Segment, 'startMs' | 'durationMs' | 'anchor' | 'format' | 'entries'>;

/** An entry with its place in the object and in time. */
interface PlacedEntry {
  offset: number;
  bytes: number;
  startMs: number;
  ms: number;
}

export interface Clip<T extends PlaylistSegment> {
  segment: T;
  entries: PlacedEntry[];
}

export interface Playlist {
  text: string;
  /** Where the next playlist has to begin, since the tracks change there; null = all of the range is in this one. */
  continuesAtMs: number | null;
  /** Of all entries. */
  footageMs: number;
}

/**
 * The entries that overlap `[fromMs, toMs)`, by segment: a player starts at a key, so the first entry may begin
 * earlier and the last may end later.
 */
export function clipToRange<T extends PlaylistSegment>(
  segments: readonly T[],
  fromMs: number,
  toMs: number,
): Clip<T>[] {
  return segments
    .map((segment) => ({
      segment,
      entries: placeEntries(segment).filter(({ startMs, ms }) => startMs < toMs && startMs + ms > fromMs),
    }))
    .filter(({ entries }) => entries.length > 0);
}

/** Each entry's place: they follow each other without a hole, the first right after the init. */
function placeEntries(segment: PlaylistSegment): PlacedEntry[] {
  let offset = segment.format.initBytes;
  let startMs = segment.startMs;
  return segment.entries.map(({ bytes, ms }: Entry) => {
    const placed = { offset, bytes, startMs, ms };
    offset += bytes;
    startMs += ms;
    return placed;
  });
}

/**
 * The HLS playlist (VOD, fMP4, byte ranges) of the entries that overlap `[fromMs, toMs)`.
 *
 * MAP and DISCONTINUITY come together where the init changes; DISCONTINUITY also at gaps and at new media timelines.
 * A change between audio+video and video only is fatal in hls.js, and so is a codec the browser lacks: the playlist
 * ends there.
 * @param segments in order of time, without overlaps
 * @param uriOf best relative: a day of 2 s entries is 4.8 MB
 */
export function vodPlaylist<T extends PlaylistSegment>(options: {
  segments: readonly T[];
  fromMs: number;
  toMs: number;
  uriOf: (segment: T) => string;
}): Playlist {
  const clips = clipToRange(options.segments, options.fromMs, options.toMs);
  const first = clips[0]?.segment.format;
  const change = clips.findIndex(({ segment }) => first !== undefined && !sameTracks(segment.format, first));
  const shown = change < 0 ? clips : clips.slice(0, change);
  const lines = shown.flatMap((clip, i) => clipLines(clip, shown[i - 1] ?? null, options.uriOf(clip.segment)));
  const entries = shown.flatMap((clip) => clip.entries);
  const longestMs = entries.reduce((longest, { ms }) => Math.max(longest, ms), 1);
  return {
    text: `${[...headLines(longestMs), ...lines, '#EXT-X-ENDLIST'].join('\n')}\n`,
    continuesAtMs: clips[change]?.entries[0]?.startMs ?? null,
    footageMs: entries.reduce((sum, { ms }) => sum + ms, 0),
  };
}

function headLines(longestMs: number): string[] {
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.ceil(longestMs / 1000)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ];
}

function clipLines<T extends PlaylistSegment>(clip: Clip<T>, before: Clip<T> | null, uri: string): string[] {
  const { segment, entries } = clip;
  const lines: string[] = [];
  const newInit = before === null || before.segment.format.initSha256 !== segment.format.initSha256;
  if (before !== null && (newInit || segment.anchor || isGap(before, clip))) lines.push('#EXT-X-DISCONTINUITY');
  if (newInit) lines.push(`#EXT-X-MAP:URI="${uri}",BYTERANGE="${segment.format.initBytes}@0"`);
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(entries[0]?.startMs ?? segment.startMs).toISOString()}`);
  for (const { ms, bytes, offset } of entries) {
    lines.push(`#EXTINF:${(ms / 1000).toFixed(3)},`, `#EXT-X-BYTERANGE:${bytes}@${offset}`, uri);
  }
  return lines;
}

function isGap<T extends PlaylistSegment>(before: Clip<T>, clip: Clip<T>): boolean {
  const last = before.entries[before.entries.length - 1];
  const first = clip.entries[0];
  return last !== undefined && first !== undefined && first.startMs - (last.startMs + last.ms) > gapToleranceMs;
}

function sameTracks(a: StreamFormat, b: StreamFormat): boolean {
  return a.codec === b.codec && a.audioCodec === b.audioCodec;
}
