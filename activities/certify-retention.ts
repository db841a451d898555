import { Context } from '@temporalio/activity';
import { clearLedger, ledgerOf, lockLedger, openMonths, type OpenMonth } from '../db/certificates.ts';
import { findCatalogued } from '../db/object-gc.ts';
import { transaction, type Db, type Pool } from '../db/sql.ts';
import { digestOver, monthSettlesMs, objectLines, summarise, type DeletedObject } from '../domain/certificate.ts';
import { mergeHoles, type Hole } from '../domain/gaps.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import { digestOf } from '../security/certificates.ts';
import type { Sealer } from '../security/seal.ts';
import { objectKey, parseObjectKey, type ObjectName } from '../storage/keys.ts';
import { storageEvidence } from './certify-purge.ts';
import { certify } from './certify.ts';
import { createFailures } from './failures.ts';
import { readEndingClocks, type DeletionClockDeps } from './deletion-clocks.ts';

export interface CertifyRetentionActivities {
  /**
   * Issues the certificates of all months that are over; answers how many, and how many had to wait.
   * @throws Error when one of them failed, after all others had their turn
   */
  certifyRetention(): Promise<{ issued: number; kept: number }>;
}

export interface CertifyRetentionDeps extends DeletionClockDeps {
  db: Pool;
  sealer: Sealer;
  failpoint?: Failpoint;
  /** Work lists of this length are read at once. */
  pageSize?: number;
}

export function createCertifyRetentionActivities(deps: CertifyRetentionDeps): CertifyRetentionActivities {
  const { failpoint = noFailpoint, pageSize = 1000 } = deps;
  return {
    async certifyRetention() {
      const result = { issued: 0, kept: 0 };
      const failures = createFailures(deps.log, 'certificates');
      // A month is over by every clock or by none: what is deleted in it later would be in no certificate of it.
      const { earlierMs, doubt } = await readEndingClocks(deps);
      if (doubt !== null) {
        deps.log.error({ doubt }, 'no month is certified by these clocks');
        return result;
      }
      const overMs = earlierMs - monthSettlesMs;
      // Those that have to wait or fail stay in the list: the page after goes on behind them.
      let after: OpenMonth | undefined;
      for (;;) {
        const months = await openMonths(deps.db, overMs, { after, limit: pageSize });
        for (const month of months) {
          Context.current().heartbeat();
          const piece = { cameraId: month.cameraId, month: month.month };
          const isIssued = await failures.attempt(piece, () => certifyMonth(deps, month));
          if (isIssued === true) await failpoint('certified');
          if (isIssued !== null) result[isIssued ? 'issued' : 'kept'] += 1;
        }
        after = months.at(-1);
        if (months.length < pageSize) break;
      }
      failures.throwIfAny();
      return result;
    },
  };
}

/**
 * Issues the certificate of one camera and month. The store is asked before the transaction: a month of a retention
 * that was cut from a year to a month lies in more than 300 folders, and a transaction that waits is ended after 60 s.
 * @returns false when it has to wait, or another worker was first
 */
async function certifyMonth(deps: CertifyRetentionDeps, month: OpenMonth): Promise<boolean> {
  const { tenantId, cameraId, internalId } = month;
  const part = { cause: 'retention', fromMs: month.fromMs, untilMs: month.untilMs } as const;
  const objectsOf = async (db: Db): Promise<DeletedObject[]> =>
    (await ledgerOf(db, internalId, part)).map((row) => ({ ...row, key: objectKey({ tenantId, cameraId, ...row }) }));
  const objects = await objectsOf(deps.db);
  if (objects.length === 0 || (await isLeft(deps, month, objects))) return false;
  const lines = objectLines(objects);
  const bucket = await deps.objects.versioning();
  return transaction(deps.db, async (tx) => {
    await lockLedger(tx, internalId, part);
    // What came or went since the look was not looked for: the next run sees it.
    if (objectLines(await objectsOf(tx)) !== lines) return false;
    // Before the audit log is locked, for which every deed of the service waits; what fails later undoes it.
    await clearLedger(tx, internalId, { ...part, rows: objects.length });
    const about = { tenantId, cameraId, month: month.month, lines };
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
    return true;
  });
}

/**
 * Looks once more before it is signed: versions, and unfinished uploads, which a deletion by key does not see, and other
 * objects of the same minutes that no row names: sources that the collector was refused, strays in quarantine.
 */
async function isLeft(
  deps: CertifyRetentionDeps,
  month: OpenMonth,
  objects: readonly DeletedObject[],
): Promise<boolean> {
  const { cameraId } = month;
  const wanted = new Set(objects.map(({ key }) => key));
  const deleted = mergeHoles(objects.map(({ startMs, durationMs }) => ({ startMs, endMs: startMs + durationMs })));
  const copies: ObjectName[] = [];
  for (const folder of new Set(objects.map(({ key }) => key.slice(0, key.lastIndexOf('/') + 1)))) {
    Context.current().heartbeat();
    for await (const { key, bytes } of deps.objects.traces(folder)) {
      if (wanted.has(key)) {
        deps.log.error({ key, cameraId }, 'deleted footage is back in the bucket: no certificate is issued');
        return true;
      }
      const name = parseObjectKey(key);
      // Uploads and deletion markers have no bytes that anybody could get.
      if (name !== null && bytes > 0 && isWithin(deleted, name)) copies.push(name);
    }
  }
  const named = await findCatalogued(deps.db, copies);
  const copy = copies.find(({ startMs, sha256 }) => !named.has(`${cameraId} ${startMs} ${sha256}`));
  if (copy === undefined) return false;
  deps.log.warn({ key: objectKey(copy), cameraId }, 'deleted footage has another copy in the bucket: its month waits');
  return true;
}

/** Whether a range lies in one of these, which are in order and apart from each other. */
function isWithin(ranges: readonly Hole[], { startMs, durationMs }: { startMs: number; durationMs: number }): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((ranges[middle]?.endMs ?? Infinity) < startMs + durationMs) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.startMs ?? Infinity) <= startMs;
}
