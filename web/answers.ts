import type { z } from 'zod';
import type { eventList } from '../api/schemas/events.ts';
import type { encodersSchema } from '../api/schemas/finish.ts';
import type { coverageList } from '../api/schemas/footage.ts';
import type { certificateList } from '../api/schemas/lifecycle.ts';
import type { reconcileSchema } from '../api/schemas/reconcile.ts';
import type {
  holdSchema,
  placedHoldSchema,
  retentionPreviewSchema,
  retentionSchema,
  shorteningSchema,
  sweepSchema,
} from '../api/schemas/retention.ts';
import type { StatusAnswer } from '../api/schemas/service.ts';

/** The API's answers that the console reads, as its schemas have them. */
export type RetentionAnswer = z.infer<typeof retentionSchema>;
export type Shortening = z.infer<typeof shorteningSchema>;
export type RetentionPreview = z.infer<typeof retentionPreviewSchema>;
export type SweepAnswer = z.infer<typeof sweepSchema>;
export type Hold = z.infer<typeof holdSchema>;
export type PlacedHold = z.infer<typeof placedHoldSchema>;
export type CertificateEntry = z.infer<typeof certificateList>['items'][number];
export type CameraEvent = z.infer<typeof eventList>['items'][number];
export type CoverageDay = z.infer<typeof coverageList>['items'][number];
export type ProblemCode = NonNullable<StatusAnswer['problems'][number]['code']>;
export type Reconcile = z.infer<typeof reconcileSchema>;
export type Encoders = z.infer<typeof encodersSchema>;

/** A page of a list. */
export interface PageOf<T> {
  items: T[];
  nextCursor?: string;
}
