import { z } from 'zod';
import { cameraStates } from '../../domain/camera.ts';
import { lostAfterMs, type Recorder } from '../../db/recorders.ts';
import { isoTime, pageOf, timeOut, uuid } from './common.ts';

export const recorderSchema = z
  .object({
    hostId: uuid,
    slots: z.number().int(),
    used: z.number().int(),
    seenAt: timeOut,
    alive: z.boolean().describe('Seen in the last 20 s.'),
    draining: z.boolean(),
  })
  .meta({ id: 'Recorder' });

/** A recorder as the API shows it. */
export function recorderAnswer(recorder: Recorder, nowMs: number): z.infer<typeof recorderSchema> {
  return {
    hostId: recorder.hostId,
    slots: recorder.slots,
    used: recorder.used,
    seenAt: isoTime(recorder.seenMs),
    alive: nowMs - recorder.seenMs <= lostAfterMs,
    draining: recorder.draining,
  };
}

/** Whether a process waits for something before it can record for this host; one that died says nothing any more. */
export function isWaiting({ waits }: Recorder, nowMs: number): boolean {
  return waits !== null && nowMs - waits.seenMs <= lostAfterMs;
}

export const recorderList = pageOf(recorderSchema);

/**
 * Stable names of what is wrong, for alarms: of the archive, of deletions, of counts that are overdue, and of recorders'
 * spools and clocks.
 */
export const problemCodes = [
  'sweep-stopped',
  'sweep-overdue',
  'sweep-refused',
  'collector-refused',
  'purge-held',
  'purge-locked',
  'purge-failing',
  'purge-waiting',
  'certificate-overdue',
  'coverage-overdue',
  'reconcile-stopped',
  'reconcile-overdue',
  'footage-missing',
  'footage-damaged',
  'spool-missing',
  'spool-unreadable',
  'clock-wrong',
] as const;

export const statusSchema = z
  .object({
    asOf: timeOut,
    cameras: z.object({
      total: z.number().int(),
      byState: z.partialRecord(z.enum(cameraStates), z.number().int()),
    }),
    parts: z
      .array(z.object({ name: z.enum(['database', 'objects', 'temporal']), ok: z.boolean(), since: timeOut }))
      .describe(
        'The parts the service rests on, as this process sees them; `since` when this process first saw it so.',
      ),
    problems: z
      .array(
        z.object({
          kind: z.enum(['camera', 'part', 'recorder', 'archive']),
          id: z.string(),
          name: z.string(),
          what: z.string(),
          code: z
            .enum(problemCodes)
            .optional()
            .describe(
              'A stable name, of problems with the archive, deletions, overdue counts, and recorders’ spools and clocks.',
            ),
          detail: z.string().nullish().describe('What went wrong last, in a sentence.'),
          since: timeOut,
        }),
      )
      .describe(
        'What is wrong now. First what is wrong with the service itself, all of it, then cameras without footage, at ' +
          'most 200; each oldest first.',
      ),
    recorders: z.array(recorderSchema),
  })
  .meta({ id: 'Status' });
export type StatusAnswer = z.infer<typeof statusSchema>;

export const readySchema = z
  .object({ ready: z.boolean(), database: z.boolean(), objects: z.boolean(), temporal: z.boolean() })
  .meta({ id: 'Readiness' });
