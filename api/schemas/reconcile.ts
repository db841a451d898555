import { z } from 'zod';
import { findingKinds, findingStates, verdicts, type Finding } from '../../db/finding-row.ts';
import { passStates, reconcileStops, type ReconcilePass } from '../../db/reconcile-passes.ts';
import { checkVerdicts } from '../../db/segment-checks.ts';
import { isoTime, isoTimeOrNull, pageOf, pageQuery, timeOut, uuid } from './common.ts';

export const passBody = z
  .strictObject({ dryRun: z.boolean().default(false).describe('Look and say what would be done; change nothing.') })
  .meta({ id: 'NewReconcilePass' });

export const passSchema = z
  .object({
    id: z.number().int(),
    state: z.enum(passStates),
    requestedBy: z.string().nullable().describe('null: the schedule.'),
    dryRun: z.boolean(),
    createdAt: timeOut,
    endedAt: timeOut.nullable(),
    rows: z.number().int().describe('Compared.'),
    objects: z.number().int(),
    found: z
      .record(z.string(), z.number().int())
      .describe('Of a dry run or a stopped pass: what would be done. Else what became of the findings.'),
  })
  .meta({ id: 'ReconcilePass' });

const findingSchema = z
  .object({
    id: z.number().int(),
    key: z.string(),
    cameraId: uuid.nullable().describe('null: of no camera of this catalogue.'),
    kind: z.enum(findingKinds),
    state: z.enum(findingStates),
    verdict: z.enum(verdicts).describe('What is to be done.'),
    why: z.string(),
    held: z.boolean().describe('An evidence hold covers it.'),
    startAt: timeOut.nullable(),
    durationMs: z.number().int().nullable(),
    bytes: z.number().int().nullable(),
    firstSeenAt: timeOut,
    seenAt: timeOut,
    stateAt: timeOut.describe('Since when it is in its state.'),
  })
  .meta({ id: 'ReconcileFinding' });

export const reconcileSchema = z
  .object({
    stopped: z
      .object({ at: timeOut, reason: z.enum(reconcileStops), text: z.string(), found: z.number().int() })
      .nullable()
      .describe('No pass acts until an operator resumes it.'),
    passes: z.array(passSchema).describe('The last ones, newest first.'),
    findings: z.array(
      z.object({
        kind: z.enum(findingKinds),
        state: z.enum(findingStates),
        count: z.number().int(),
        held: z.number().int(),
        since: timeOut,
      }),
    ),
    samples: z
      .array(
        z.object({
          verdict: z.enum(checkVerdicts),
          count: z.number().int(),
          bytes: z.number().int(),
          lastAt: timeOut,
        }),
      )
      .describe('Footage that was read back in the last 7 days.'),
  })
  .meta({ id: 'Reconcile' });

export const findingQuery = z.strictObject({
  ...pageQuery,
  cameraId: uuid.optional(),
  state: z.enum(findingStates).optional(),
});
export const findingList = pageOf(findingSchema);

/** A pass as the API shows it. */
export function passAnswer(pass: ReconcilePass): z.infer<typeof passSchema> {
  const { createdAtMs, endedAtMs, ...rest } = pass;
  return { ...rest, createdAt: isoTime(createdAtMs), endedAt: isoTimeOrNull(endedAtMs) };
}

/** A finding as the API shows it. */
export function findingAnswer(finding: Finding): z.infer<typeof findingSchema> {
  return {
    id: finding.id,
    key: finding.key,
    cameraId: finding.cameraId,
    kind: finding.kind,
    state: finding.state,
    verdict: finding.verdict,
    why: finding.why,
    held: finding.held,
    startAt: isoTimeOrNull(finding.startMs),
    durationMs: finding.durationMs,
    bytes: finding.bytes,
    firstSeenAt: isoTime(finding.firstSeenMs),
    seenAt: isoTime(finding.seenMs),
    stateAt: isoTime(finding.stateMs),
  };
}
