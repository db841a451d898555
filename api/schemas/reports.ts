import { z } from 'zod';
import { gapOwners, gapReasons } from '../../domain/gap-reason.ts';
import { timeOut, uuid } from './common.ts';

const ms = z.number().int();
const uncountedMs = ms.describe(
  'Time that was to be recorded and of which nothing was counted: it is in no other figure.',
);
const coverageFields = {
  wantedMs: ms,
  recordedMs: ms,
  coveragePpm: z
    .number()
    .int()
    .nullable()
    .describe('recordedMs / wantedMs in millionths, rounded down; null when nothing was wanted.'),
  gaps: z.number().int(),
  lostMsByReason: z.partialRecord(z.enum(gapReasons), ms),
  lostMsByOwner: z.partialRecord(z.enum(gapOwners), ms),
};

export const coverageReportSchema = z
  .object({
    document: z.object({
      format: z.literal('framekeep-coverage/1'),
      tenantId: uuid,
      tenantName: z.string(),
      month: z.string(),
      issuedAt: timeOut,
      final: z
        .boolean()
        .describe(
          'The month is over, so is the week in which late footage is still taken in, and all of it was counted, but ' +
            'for up to 2 h of a camera that was purged.',
        ),
      total: z.object({ ...coverageFields, uncountedMs }),
      cameras: z.array(
        z.object({
          id: uuid,
          name: z.string(),
          ...coverageFields,
          uncountedMs,
          days: z.array(z.object({ day: z.iso.date(), ...coverageFields })),
        }),
      ),
    }),
    signature: z.object({
      algorithm: z.literal('Ed25519'),
      keyId: z.string(),
      publicKey: z.string(),
      value: z.string(),
    }),
  })
  .meta({ id: 'CoverageReport' });

export const reportQuery = z.strictObject({
  tenantId: uuid.optional().describe('Without it, the first tenant.'),
  month: z
    .string()
    .regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'must be a month such as 2026-11')
    .describe('UTC, such as 2026-11.'),
});
