import { z } from 'zod';
import { holdState, holdStates, type Hold } from '../../domain/holds.ts';
import { daysOfMonths, mostRetentionDays } from '../../domain/retention.ts';
import { sweepStops } from '../../domain/sweep-breaker.ts';
import { isoTime, isoTimeOrNull, pageOf, pageQuery, timeIn, timeOut, uuid } from './common.ts';

const days = z.number().int().min(1).max(mostRetentionDays);

/** Days, or months of 31 days each (twelve: 366); becomes days. */
export const retentionBody = z
  .union([
    z.strictObject({ days }),
    z.strictObject({ months: z.number().int().min(1).max(12).describe('31 days each, 366 for twelve.') }),
  ])
  .transform((body) => ('days' in body ? body.days : daysOfMonths(body.months)));

export const retentionSchema = z
  .object({
    cameraId: uuid,
    days,
    keptFrom: timeOut.describe('What ended before it is gone, but for what a hold keeps.'),
    frozen: z.boolean().describe('In grace: footage does not age.'),
    frozenUntil: timeOut.nullable().describe('When its age counts after all, by the tenant’s `next`; null: not yet.'),
    next: z
      .object({
        days,
        effectiveAt: timeOut,
        sooner: z
          .array(z.object({ days, effectiveAt: timeOut }))
          .describe(
            'Shorter ones that were asked for before it and take effect before it, each shorter than the last.',
          ),
      })
      .nullable()
      .describe('A shorter retention that can be undone until it takes effect, with those before it.'),
  })
  .meta({ id: 'Retention' });

export const amounts = {
  segments: z.number().int(),
  minutes: z.number().describe('Of footage.'),
  bytes: z.number().int(),
};

export const shorteningSchema = z
  .object({
    days,
    effectiveAt: timeOut.describe('When it would take effect; now for a longer one.'),
    deletes: z.object(amounts).describe('What it deletes then and what would be kept otherwise; 0 for a longer one.'),
  })
  .meta({ id: 'RetentionShortening' });
export const shorteningQuery = z.strictObject({ days: z.coerce.number().pipe(days) });

export const retentionChangeSchema = retentionSchema
  .extend({ deletes: z.object(amounts) })
  .meta({ id: 'RetentionChange' });

export const retentionPreviewQuery = z.strictObject({
  days: z.coerce.number().int().min(1).max(31).default(7),
  cameraId: uuid.optional(),
});
export const retentionPreviewSchema = z
  .object({
    asOf: timeOut,
    ...amounts,
    items: z.array(
      z.object({
        cameraId: uuid,
        name: z.string(),
        retentionDays: days,
        ...amounts,
        steps: z
          .array(z.object({ by: timeOut, ...amounts }))
          .describe('Due by this time and not by the one before; the first are due now.'),
      }),
    ),
    purges: z
      .array(
        z.object({
          cameraId: uuid,
          name: z.string(),
          state: z.enum(['grace', 'purging']),
          at: timeOut.nullable().describe('When it begins, or began; null: not before a hold is released.'),
          ...amounts,
        }),
      )
      .describe(
        'Cameras that are being purged, or whose grace ends in this time, with all footage they have then: what has reached its age before is in `items`. Not in the sums.',
      ),
  })
  .meta({ id: 'RetentionPreview' });

export const sweepSchema = z
  .object({
    sweptAt: timeOut.nullable(),
    segments: z.number().int().describe('Deleted by the last sweep.'),
    bytes: z.number().int(),
    refused: z.number().int().describe('Objects that the store did not give up; they are tried again.'),
    forecast: z.array(z.object({ by: timeOut, minutes: z.number() })),
    stopped: z
      .object({ at: timeOut, reason: z.enum(sweepStops), text: z.string(), minutes: z.number() })
      .nullable()
      .describe('Nothing is deleted until an operator resumes it.'),
  })
  .meta({ id: 'RetentionSweep' });

export const holdBody = z
  .strictObject({
    cameraId: uuid,
    from: timeIn,
    to: timeIn,
    reason: z.string().trim().min(1, 'must not be empty').max(1000),
    until: timeIn.nullable().default(null).describe('In the future. Absent: until it is released.'),
  })
  .refine(({ from, to }) => from < to, { path: ['to'], message: 'must lie after from' })
  .meta({ id: 'NewHold' });

export const holdSchema = z
  .object({
    id: uuid,
    cameraId: uuid,
    from: timeOut,
    to: timeOut,
    reason: z.string(),
    state: z.enum(holdStates),
    placedBy: z.string(),
    placedAt: timeOut,
    until: timeOut.nullable(),
    releasedAt: timeOut.nullable(),
    releasedBy: z.string().nullable(),
  })
  .meta({ id: 'Hold' });
export const placedHoldSchema = holdSchema
  .extend({
    beingDeleted: z
      .object({ segments: z.number().int(), minutes: z.number() })
      .describe('Footage in its range whose deletion had begun; it cannot be kept any more.'),
  })
  .meta({ id: 'PlacedHold' });
export const holdQuery = z.strictObject({ ...pageQuery, cameraId: uuid.optional() });
export const holdList = pageOf(holdSchema);

/** A hold as the API shows it. */
export function holdAnswer(hold: Hold, nowMs: number): z.infer<typeof holdSchema> {
  return {
    id: hold.id,
    cameraId: hold.cameraId,
    from: isoTime(hold.startMs),
    to: isoTime(hold.endMs),
    reason: hold.reason,
    state: holdState(hold, nowMs),
    placedBy: hold.placedBy,
    placedAt: isoTime(hold.placedAtMs),
    until: isoTimeOrNull(hold.untilMs),
    releasedAt: isoTimeOrNull(hold.releasedAtMs),
    releasedBy: hold.releasedBy,
  };
}
