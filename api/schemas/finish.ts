import { z } from 'zod';
import { isoTime, pageOf, timeIn, timeOut, uuid } from './common.ts';
import { encoderStepKinds, type EncoderStep } from '../../db/encoder-steps.ts';
import type { EncoderWorker, FinishQueue } from '../../db/encoders.ts';
import type { Recorder } from '../../db/recorders.ts';
import type { ListedWindow } from '../../db/window-list.ts';
import type { Reencode } from '../../db/reencode-jobs.ts';
import { slotsTogether } from '../../domain/encoder-ceiling.ts';

export const encodersSchema = z
  .object({
    hosts: z
      .array(
        z.object({
          host: z.string(),
          kind: z.string().describe('What it encodes with; `none`: it only joins.'),
          reason: z.string().describe('Why this kind, by each that was tried.'),
          workers: z.number().int(),
          slots: z
            .number()
            .int()
            .describe('Encodes at the same time, of all its workers: they share the sessions of its driver.'),
          used: z.number().int(),
          joinSlots: z.number().int().describe('Joins without encoding at the same time.'),
          joinUsed: z.number().int(),
          ceiling: z.number().int().nullable().describe('Sessions the driver gave last; null = no limit was met.'),
          ceilingReason: z.string().nullable(),
        }),
      )
      .describe('Hosts that live.'),
    queues: z
      .array(
        z.object({
          tier: z.enum(['critical', 'normal', 'bulk']),
          waiting: z.number().int(),
          started: z.number().int(),
          parked: z.number().int(),
          ageSeconds: z.number().int().describe('How long ago the oldest of them ended; 0 without any.'),
        }),
      )
      .describe('Windows of footage that are not finished.'),
    held: z
      .object({
        hosts: z.number().int(),
        files: z.number().int(),
        bytes: z.number().int(),
        ageSeconds: z.number().int().describe('How long ago the oldest of it began; 0 without any.'),
      })
      .describe('Footage that waits in the spools of its recorders for its finals, as they said last.'),
    steps: z
      .array(
        z.object({
          host: z.string(),
          at: timeOut,
          kind: z
            .enum(encoderStepKinds)
            .describe(
              '`job`: one job left an encoder that stays; `ceiling-…`: the driver gives fewer or more sessions.',
            ),
          from: z.string().nullable(),
          to: z.string().nullable().describe('Null where no encoder is left: sources stay as they are.'),
          ceiling: z.number().int().nullable().describe('Sessions at once, of a change of the ceiling.'),
          reason: z.string(),
        }),
      )
      .describe('Steps down the ladder of encoders and back up, and learned ceilings, newest first; at most 100.'),
  })
  .meta({ id: 'Encoders' });

/** The encoders and their backlog as the API shows them. */
export function encodersAnswer(
  workers: readonly EncoderWorker[],
  queues: readonly FinishQueue[],
  steps: readonly EncoderStep[],
  recorders: readonly Recorder[],
  nowMs: number,
): z.infer<typeof encodersSchema> {
  const hosts = [...new Set(workers.map(({ host }) => host))].map((host) => {
    const own = workers.filter((worker) => worker.host === host);
    const sum = (field: 'used' | 'joinSlots' | 'joinUsed'): number =>
      own.reduce((total, worker) => total + worker[field], 0);
    // The driver counts per host, so all its workers know the same; the newest word counts.
    const newest = own.toSorted((a, b) => b.seenMs - a.seenMs)[0];
    return {
      host,
      kind: newest?.kind ?? 'none',
      reason: newest?.reason ?? '',
      workers: own.length,
      slots: slotsTogether(own),
      used: sum('used'),
      joinSlots: sum('joinSlots'),
      joinUsed: sum('joinUsed'),
      ceiling: newest?.ceiling ?? null,
      ceilingReason: newest?.ceilingReason ?? null,
    };
  });
  return {
    hosts,
    queues: queues.map(({ oldestEndMs, ...queue }) => ({
      ...queue,
      ageSeconds: oldestEndMs === null ? 0 : Math.max(0, Math.round((nowMs - oldestEndMs) / 1000)),
    })),
    held: heldAnswer(recorders, nowMs),
    steps: steps.map(({ host, atMs, kind, fromKind, toKind, ceiling, reason }) => ({
      host,
      at: isoTime(atMs),
      kind,
      from: fromKind,
      to: toKind,
      ceiling,
      reason,
    })),
  };
}

function heldAnswer(recorders: readonly Recorder[], nowMs: number): z.infer<typeof encodersSchema>['held'] {
  const holding = recorders.flatMap(({ stats }) =>
    stats?.held !== undefined && stats.held.files > 0 ? stats.held : [],
  );
  const oldestMs = Math.min(nowMs, ...holding.map(({ oldestStartMs }) => oldestStartMs ?? nowMs));
  return {
    hosts: holding.length,
    files: holding.reduce((sum, { files }) => sum + files, 0),
    bytes: holding.reduce((sum, { bytes }) => sum + bytes, 0),
    ageSeconds: Math.round((nowMs - oldestMs) / 1000),
  };
}

const windowStates = ['open', 'started', 'done', 'parked'] as const;
export const windowQuery = z.strictObject({
  state: z.enum(windowStates).default('parked'),
  cameraId: uuid.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export const windowSchema = z
  .object({
    cameraId: uuid,
    cameraName: z.string(),
    startAt: timeOut,
    endAt: timeOut,
    state: z.enum(windowStates),
    generation: z.number().int().describe('Raised when its footage has changed after it was given to an encoder.'),
    failures: z.array(z.object({ host: z.string(), failure: z.string(), text: z.string(), at: timeOut })),
  })
  .meta({ id: 'FinishWindow' });
export const windowList = pageOf(windowSchema);
export const retryBody = z.strictObject({ cameraId: uuid, startAt: timeIn }).meta({ id: 'FinishWindowRetry' });

export function windowAnswer(window: ListedWindow): z.infer<typeof windowSchema> {
  const { cameraId, cameraName, windowStartMs, windowMs, state, generation } = window;
  return {
    cameraId,
    cameraName,
    startAt: isoTime(windowStartMs),
    endAt: isoTime(windowStartMs + windowMs),
    state,
    generation,
    failures: window.failures.map(({ host, failure, text, atMs }) => ({ host, failure, text, at: isoTime(atMs) })),
  };
}

export const reencodeBody = z
  .strictObject({
    cameraIds: z.array(uuid).min(1).max(1000),
    profileId: uuid,
    from: timeIn,
    to: timeIn,
  })
  .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be after `from`' })
  .meta({ id: 'NewReencode' });

export const reencodePreviewSchema = z
  .object({
    segments: z.number().int(),
    hours: z.number().describe('Of footage.'),
    bytes: z.number().int(),
    bytesSaved: z.number().int().nullable().describe('At the bitrate of the profile; null where it names none.'),
    secondsAtPresentRate: z
      .number()
      .int()
      .nullable()
      .describe('At the rate of the last hour; null when nothing was encoded in it.'),
    held: z
      .object({ segments: z.number().int(), hours: z.number() })
      .describe('What a hold keeps: it is left as it is, and is not in the figures above.'),
  })
  .meta({ id: 'ReencodePreview' });

export const reencodeSchema = z
  .object({
    id: uuid,
    profileId: uuid,
    from: timeOut,
    to: timeOut,
    state: z.enum(['running', 'paused', 'cancelled', 'done']),
    createdAt: timeOut,
    windows: z.number().int(),
    done: z.number().int(),
    parked: z.number().int().describe('Could not be encoded; they stay as they were.'),
    bytesBefore: z.number().int().describe('Of what is done.'),
    bytesAfter: z.number().int(),
  })
  .meta({ id: 'Reencode' });
export const reencodeList = pageOf(reencodeSchema);

export function reencodeAnswer(job: Reencode): z.infer<typeof reencodeSchema> {
  return {
    id: job.id,
    profileId: job.profileId,
    from: isoTime(job.fromMs),
    to: isoTime(job.toMs),
    state: job.state,
    createdAt: isoTime(job.createdMs),
    windows: job.windows,
    done: job.done,
    parked: job.parked,
    bytesBefore: job.sourceBytes,
    bytesAfter: job.finalBytes,
  };
}
