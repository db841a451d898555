import { z } from 'zod';
import { gapOwners, gapReasons } from '../../domain/gap-reason.ts';
import type { Gap, GapEvidence } from '../../domain/gaps.ts';
import type { Segment } from '../../domain/segment.ts';
import { isoTime, isoTimeOrNull, pageOf, pageQuery, timeIn, timeOut } from './common.ts';

const segmentSchema = z
  .object({
    startAt: timeOut,
    durationMs: z.number().int(),
    bytes: z.number().int(),
    codec: z.enum(['h264', 'hevc']),
    width: z.number().int(),
    height: z.number().int(),
    fps: z.number(),
    variant: z.number().int().describe('0 = as the camera sent it.'),
  })
  .meta({ id: 'Segment' });
export type SegmentAnswer = z.infer<typeof segmentSchema>;

/** A segment as the API shows it. */
export function segmentAnswer(segment: Omit<Segment, 'entries'>): SegmentAnswer {
  return {
    startAt: isoTime(segment.startMs),
    durationMs: segment.durationMs,
    bytes: segment.bytes,
    codec: segment.format.codec,
    width: segment.format.width,
    height: segment.format.height,
    fps: segment.format.fps,
    variant: segment.variant,
  };
}

export const pendingList = pageOf(z.object({ startAt: timeOut, endAt: timeOut }).meta({ id: 'PendingFootage' }));

export function pendingAnswer(part: { startMs: number; endMs: number }): { startAt: string; endAt: string } {
  return { startAt: isoTime(part.startMs), endAt: isoTime(part.endMs) };
}

export const evidenceSchema = z.object({
  lastError: z.string().optional(),
  attempts: z.number().int().optional(),
  hostId: z.string().optional(),
  epoch: z.number().int().optional(),
  workflowRunId: z.string().optional(),
  history: z
    .array(
      z.object({
        reason: z.enum(gapReasons),
        since: timeOut,
        attempts: z.number().int(),
        lastError: z.string().optional(),
      }),
    )
    .optional(),
});

const gapSchema = z
  .object({
    startAt: timeOut,
    endAt: timeOut.nullable().describe('null: still open.'),
    reason: z.enum(gapReasons),
    owner: z.enum(gapOwners).describe('Whose fault it is.'),
    evidence: evidenceSchema,
  })
  .meta({ id: 'Gap' });
export type GapAnswer = z.infer<typeof gapSchema>;

/** Evidence as the API shows it. */
export function evidenceAnswer({ history, ...evidence }: GapEvidence): z.infer<typeof evidenceSchema> {
  return {
    ...evidence,
    ...(history && { history: history.map(({ sinceMs, ...part }) => ({ ...part, since: isoTime(sinceMs) })) }),
  };
}

/** A gap as the API shows it. */
export function gapAnswer(gap: Gap): GapAnswer {
  return {
    startAt: isoTime(gap.startMs),
    endAt: isoTimeOrNull(gap.endMs),
    reason: gap.reason,
    owner: gap.owner,
    evidence: evidenceAnswer(gap.evidence),
  };
}

const coverageSchema = z
  .object({
    day: z.iso.date().describe('UTC day; the first and the last may be cut by the range.'),
    startAt: timeOut,
    endAt: timeOut,
    wantedMs: z
      .number()
      .int()
      .describe('Time that should have footage; paused time and time not yet known are not in it.'),
    recordedMs: z.number().int(),
    ratio: z.number().nullable().describe('recordedMs / wantedMs, 0 to 1; null when nothing was wanted.'),
  })
  .meta({ id: 'CoverageDay' });

export const rangeQuery = z.strictObject({ from: timeIn, to: timeIn });
export const rangePageQuery = z.strictObject({ from: timeIn, to: timeIn, ...pageQuery });
export const segmentList = pageOf(segmentSchema);
export const gapList = pageOf(gapSchema);
export const coverageList = pageOf(coverageSchema);
