import { z } from 'zod';
import { unpackEntries } from '../domain/entries.ts';
import type { Segment } from '../domain/segment.ts';
import { bigint, hex, instant } from './sql.ts';

/** Of `segment s join stream_format f`, without the playlist entries. */
export const listedColumns = `s.start_at, s.duration_ms, s.bytes, s.epoch, s.sha256, s.variant, s.anchor, f.codec, f.codec_tag,
  f.width, f.height, f.fps, f.audio_codec, f.init_bytes, f.init_sha256`;

const listedShape = z.object({
  start_at: instant,
  duration_ms: z.number(),
  bytes: bigint,
  epoch: z.number(),
  sha256: hex,
  variant: z.number(),
  anchor: z.boolean(),
  codec: z.enum(['h264', 'hevc']),
  codec_tag: z.string(),
  width: z.number(),
  height: z.number(),
  fps: z.number(),
  audio_codec: z.string().nullable(),
  init_bytes: z.number(),
  init_sha256: hex,
});

/** A segment without its playlist entries. */
export type ListedSegment = Omit<Segment, 'entries'>;

function toListed(row: z.output<typeof listedShape>): ListedSegment {
  return {
    startMs: row.start_at,
    durationMs: row.duration_ms,
    bytes: row.bytes,
    epoch: row.epoch,
    sha256: row.sha256,
    variant: row.variant,
    anchor: row.anchor,
    format: {
      codec: row.codec,
      codecTag: row.codec_tag,
      width: row.width,
      height: row.height,
      fps: row.fps,
      audioCodec: row.audio_codec,
      initBytes: row.init_bytes,
      initSha256: row.init_sha256,
    },
  };
}

/** A row of `listedColumns`. */
export const listedRow = listedShape.transform(toListed);
/** A row of `listedColumns` and `s.entries`. */
export const segmentRow = listedShape
  .extend({ entries: z.instanceof(Buffer) })
  .transform((row): Segment => ({ ...toListed(row), entries: unpackEntries(row.entries) }));
