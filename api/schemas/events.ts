import { z } from 'zod';
import type { CameraEvent } from '../../db/events.ts';
import { cameraStates } from '../../domain/camera.ts';
import { gapOwner, gapOwners, gapReasons } from '../../domain/gap-reason.ts';
import { isoTime, pageOf, timeOut } from './common.ts';
import { evidenceAnswer, evidenceSchema } from './footage.ts';

const eventSchema = z
  .discriminatedUnion('kind', [
    z.object({
      at: timeOut,
      kind: z.literal('state'),
      from: z.enum(cameraStates),
      state: z.enum(cameraStates),
      reason: z.string().nullable(),
    }),
    z.object({
      at: timeOut,
      kind: z.literal('session').describe('A recorder took the camera.'),
      epoch: z.number().int(),
      hostId: z.string().nullable(),
      workflowRunId: z.string().nullable().describe('null: the recorder went on by itself.'),
    }),
    z.object({
      at: timeOut,
      kind: z.literal('first-frame'),
      epoch: z.number().int(),
      hostId: z.string().nullable(),
    }),
    z.object({
      at: timeOut,
      kind: z
        .enum(['gap-opened', 'gap-reason', 'gap-closed'])
        .describe('Footage stopped, its explanation changed, or it came back.'),
      lostSince: timeOut,
      reason: z.enum(gapReasons),
      owner: z.enum(gapOwners),
      evidence: evidenceSchema,
    }),
    z.object({
      at: timeOut,
      kind: z.literal('window-parked').describe('Footage could not be finished; it plays as it was recorded.'),
      startAt: timeOut,
      endAt: timeOut,
      failure: z.string().nullable(),
      text: z.string().nullable(),
    }),
  ])
  .meta({ id: 'CameraEvent' });

/** An event as the API shows it. */
export function eventAnswer(event: CameraEvent): z.infer<typeof eventSchema> {
  const at = isoTime(event.atMs);
  switch (event.kind) {
    case 'state':
      return { at, kind: event.kind, from: event.from, state: event.state, reason: event.reason };
    case 'session':
      return { at, kind: event.kind, epoch: event.epoch, hostId: event.hostId, workflowRunId: event.workflowRunId };
    case 'first-frame':
      return { at, kind: event.kind, epoch: event.epoch, hostId: event.hostId };
    case 'window-parked': {
      const { kind, startMs, windowMs, failure, text } = event;
      return { at, kind, startAt: isoTime(startMs), endAt: isoTime(startMs + windowMs), failure, text };
    }
    default: {
      const { kind, reason } = event;
      const evidence = evidenceAnswer(event.evidence);
      return { at, kind, lostSince: isoTime(event.startMs), reason, owner: gapOwner(reason), evidence };
    }
  }
}

export const eventList = pageOf(eventSchema);
