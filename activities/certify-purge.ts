import { clearLedger, ledgerOf, lockLedger } from '../db/certificates.ts';
import { unseenCopies, type UnseenCopies } from '../db/finish-copies.ts';
import { endPurge, foundKeys, type PurgedCamera } from '../db/purge.ts';
import { spoolsOf, type PurgeSpool } from '../db/purge-spools.ts';
import type { Transaction } from '../db/sql.ts';
import {
  digestOver,
  goneStatement,
  objectLines,
  summarise,
  type CopyEvidence,
  type DeletedObject,
  type SpoolEvidence,
  type StorageEvidence,
} from '../domain/certificate.ts';
import type { Failpoint } from '../recorder/failpoint.ts';
import { digestOf } from '../security/certificates.ts';
import type { Sealer } from '../security/seal.ts';
import { cameraPrefix, objectKey } from '../storage/keys.ts';
import { certify } from './certify.ts';

const allTime = { fromMs: 0, untilMs: Date.UTC(9999, 0) };

/**
 * Issues a purge's certificate and ends the purge, in one transaction: a camera is purged exactly when its certificate
 * is there. Only called when the objects were looked for and are gone.
 */
export async function certifyPurge(
  tx: Transaction,
  deps: { sealer: Sealer; now: () => number; failpoint?: Failpoint },
  camera: PurgedCamera,
  bucket: { versioned: boolean; locked: boolean },
): Promise<void> {
  const { tenantId, cameraId, internalId } = camera;
  const nowMs = deps.now();
  const part = { cause: 'purge', ...allTime } as const;
  await lockLedger(tx, internalId, part);
  const objects: DeletedObject[] = (await ledgerOf(tx, internalId, part)).map((row) => ({
    ...row,
    key: objectKey({ tenantId, cameraId, ...row }),
  }));
  const spools = await spoolsOf(tx, internalId);
  const copies = await unseenCopies(tx, internalId);
  const lines = objectLines(objects);
  // An object whose lock ended after its row's turn was found, too, and is in the list.
  const prefix = cameraPrefix(camera);
  const listed = new Set(objects.map(({ key }) => key));
  const further = (await foundKeys(tx, prefix)).filter((key) => !listed.has(key)).length;
  // All that takes long comes before: a certificate locks the audit log, for which every deed of the service waits.
  await clearLedger(tx, internalId, { ...part, rows: objects.length });
  await endPurge(tx, camera, prefix, nowMs);
  await certify(tx, { ...deps, nowMs }, { tenantId, cameraId, month: null, lines }, (issued) => ({
    ...issued,
    kind: 'purge',
    tenant: { id: tenantId, name: camera.tenantName },
    camera: { id: cameraId, name: camera.name },
    footage: summarise(objects),
    digest: { algorithm: 'SHA-256', over: digestOver, value: digestOf(lines) },
    storage: storageEvidence(bucket, camera.furtherObjects + further),
    purge: {
      cause: camera.cause,
      requestedBy: camera.requestedBy,
      retiredAt: isoOrNull(camera.retiredAtMs),
      graceEndedAt: isoOrNull(camera.graceEndedAtMs),
      begunAt: new Date(camera.begunAtMs).toISOString(),
      epoch: camera.epoch,
      spools: spools.map(spoolEvidence),
      copies: copies.map(copyEvidence),
    },
  }));
}

/** How it was made sure that nothing is left in the bucket. */
export function storageEvidence(
  bucket: { versioned: boolean; locked: boolean },
  furtherObjects: number,
): StorageEvidence {
  return {
    versioned: bucket.versioned,
    objectLock: bucket.locked,
    lookedFor: ['objects', 'versions', 'unfinished uploads'],
    furtherObjects,
    statement: goneStatement,
  };
}

function spoolEvidence({ hostId, emptiedAtMs, destroyed }: PurgeSpool): SpoolEvidence {
  if (emptiedAtMs !== null) {
    return { hostId, state: 'empty', at: new Date(emptiedAtMs).toISOString(), saidBy: 'the host' };
  }
  if (destroyed === null) throw new Error(`the spool of ${hostId} was not emptied`);
  return { hostId, state: 'destroyed', at: new Date(destroyed.atMs).toISOString(), saidBy: destroyed.by };
}

function copyEvidence({ host, jobs, lastMs }: UnseenCopies): CopyEvidence {
  return { host, jobs, lastBegunAt: new Date(lastMs).toISOString(), state: 'not seen to be gone' };
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
