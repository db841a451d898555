import { Context } from '@temporalio/activity';
import { readClocks } from '../db/clock.ts';
import { clearLedger, ledgerOf, openMonths, type OpenMonth } from '../db/certificates.ts';
import { transaction, type Db, type Pool } from '../db/sql.ts';
import { digestOver, monthSettlesMs, objectLines, summarise, type DeletedObject } from '../domain/certificate.ts';
import type { Logger } from '../log.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import { digestOf } from '../security/certificates.ts';
import type { Sealer } from '../security/seal.ts';
import { objectKey } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import { storageEvidence } from './certify-purge.ts';
import { certify } from './certify.ts';

export interface CertifyRetentionActivities {
  /** Issues the certificates of all months that are over; answers how many, and how many had to wait. */
  certifyRetention(): Promise<{ issued: number; kept: number }>;
}

export interface CertifyRetentionDeps {
  db: Pool;
  objects: Objects;
  sealer: Sealer;
  log: Logger;
  now: () => number;
  /** For tests of time: the database's own clock. */
  databaseNow?: (db: Db) => Promise<number>;
  failpoint?: Failpoint;
}

/** Work lists of this length are read at once. */
const pageSize = 1000;

export function createCertifyRetentionActivities(deps: CertifyRetentionDeps): CertifyRetentionActivities {
  const failpoint = deps.failpoint ?? noFailpoint;
  return {
    async certifyRetention() {
      const result = { issued: 0, kept: 0 };
      // A month is over by every clock or by none: what is deleted in it later would be in no certificate of it.
      const { earlierMs } = await readClocks(deps.db, deps);
      for (const month of await openMonths(deps.db, earlierMs - monthSettlesMs, pageSize)) {
        Context.current().heartbeat();
        const isIssued = await transaction(deps.db, async (tx) => {
          const part = { cause: 'retention', fromMs: month.fromMs, untilMs: month.untilMs } as const;
          const { tenantId, cameraId, internalId } = month;
          const objects: DeletedObject[] = (await ledgerOf(tx, internalId, part)).map((row) => ({
            ...row,
            key: objectKey({ tenantId, cameraId, ...row }),
          }));
          if (objects.length === 0) return false; // another worker was first
          if (await isLeft(deps, month, objects)) return false;
          const lines = objectLines(objects);
          const about = { tenantId, cameraId, month: month.month, lines };
          const bucket = await deps.objects.versioning();
          await certify(tx, { ...deps, nowMs: deps.now() }, about, (issued) => ({
            ...issued,
            kind: 'retention',
            tenant: { id: tenantId, name: month.tenantName },
            camera: { id: cameraId, name: month.cameraName },
            month: month.month,
            footage: summarise(objects),
            digest: { algorithm: 'SHA-256', over: digestOver, value: digestOf(lines) },
            storage: storageEvidence(bucket, 0),
          }));
          await clearLedger(tx, internalId, part);
          return true;
        });
        if (isIssued) await failpoint('certified');
        result[isIssued ? 'issued' : 'kept'] += 1;
      }
      return result;
    },
  };
}

/** Looks once more before it is signed: versions, and unfinished uploads, which a deletion by key does not see. */
async function isLeft(
  deps: CertifyRetentionDeps,
  month: OpenMonth,
  objects: readonly DeletedObject[],
): Promise<boolean> {
  const wanted = new Set(objects.map(({ key }) => key));
  for (const folder of new Set(objects.map(({ key }) => key.slice(0, key.lastIndexOf('/') + 1)))) {
    for await (const { key } of deps.objects.traces(folder)) {
      if (!wanted.has(key)) continue;
      deps.log.error(
        { key, cameraId: month.cameraId },
        'deleted footage is back in the bucket: no certificate is issued',
      );
      return true;
    }
  }
  return false;
}
