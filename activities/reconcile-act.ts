import type { Finding, FindingState } from '../db/finding-row.ts';
import { done as collected, enqueue, finishedBelow } from '../db/object-gc.ts';
import {
  certifiedAmong,
  loseRow,
  reconciledCamera,
  strayFacts,
  type CertifiedKeys,
  type ReconciledCamera,
} from '../db/reconcile-facts.ts';
import { findingsToAct, forgetFinding, settleFinding } from '../db/reconcile-findings.ts';
import { termsOf } from '../db/retention.ts';
import { transaction, type Db, type Pool } from '../db/sql.ts';
import { judgeStray, type StrayVerdict } from '../domain/reconcile.ts';
import { cutoffMs } from '../domain/retention.ts';
import type { Logger } from '../log.ts';
import { noFailpoint, type Failpoint } from '../recorder/failpoint.ts';
import { cameraPrefix, parseObjectKey, type ObjectName } from '../storage/keys.ts';
import type { Objects } from '../storage/objects.ts';
import type { PassClock } from './reconcile-look.ts';
import { catalogueStray } from './recatalogue.ts';

export interface ActDeps {
  db: Pool;
  objects: Objects;
  log: Logger;
  now: () => number;
  /** For objects that are looked into. */
  workDir: string;
  /** Length of finish windows. */
  windowMs: number;
  /** How long an unwanted object is kept. */
  quarantineMs: number;
  failpoint?: Failpoint;
}

/** What became of a finding: its new state, or that nothing was wrong any more. */
type Outcome = FindingState | 'resolved';

const pageFindings = 100;

/**
 * Deals with what a pass has found, each finding looked at anew: rows without objects become gaps, objects get their
 * rows back or go into quarantine, and what was there long enough is handed to the collector.
 * Every step may be repeated. @param progress.afterId where the try before this one came to
 */
export async function actOnFindings(
  deps: ActDeps,
  pass: { passId: number; clock: PassClock },
  progress: { afterId: number; beat: (afterId: number) => void },
): Promise<Record<Outcome, number>> {
  const done: Record<Outcome, number> = {
    suspect: 0,
    missing: 0,
    catalogued: 0,
    quarantined: 0,
    deleting: 0,
    reported: 0,
    damaged: 0,
    resolved: 0,
  };
  let { afterId } = progress;
  for (;;) {
    const quarantinedMs = pass.clock.nowMs - deps.quarantineMs;
    const page = await findingsToAct(deps.db, { passId: pass.passId, quarantinedMs, afterId, limit: pageFindings });
    const certified = certifiedOf(page);
    for (const finding of page) {
      done[await actOn(deps, finding, { clock: pass.clock, certified })] += 1;
      afterId = finding.id;
      progress.beat(afterId);
    }
    if (page.length < pageFindings) return done;
  }
}

/** Whether a certificate names an object, by all that there are now. */
type IsCertified = (db: Db, cameraId: string, key: string) => Promise<boolean>;

/** Of a page of findings each certificate is read once a camera, not once a finding. */
function certifiedOf(page: readonly Finding[]): IsCertified {
  const keys = new Set(page.map(({ key }) => key));
  const knownOf = new Map<string, CertifiedKeys>();
  return async (db, cameraId, key) => {
    const known = knownOf.get(cameraId) ?? { certificates: new Set(), keys: new Set() };
    knownOf.set(cameraId, known);
    return (await certifiedAmong(db, cameraId, keys, known)).has(key);
  };
}

interface Known {
  clock: PassClock;
  certified: IsCertified;
}

async function actOn(deps: ActDeps, finding: Finding, knows: Known): Promise<Outcome> {
  const failpoint = deps.failpoint ?? noFailpoint;
  const name = parseObjectKey(finding.key);
  const camera = finding.internalId === null ? null : await reconciledCamera(deps.db, finding.internalId);
  const stored = await deps.objects.stat(finding.key);
  await failpoint('stat');
  if (finding.kind === 'row-without-object') {
    if (stored !== null || name === null || camera === null) return resolved(deps.db, finding);
    return lose(deps, finding, { camera, name });
  }
  if (stored === null) return resolved(deps.db, finding);
  if (name === null || camera === null) return settled(deps, finding, { state: 'reported', why: finding.why });
  const judged = await judgeNow(deps.db, finding.key, { camera, name }, knows);
  if (judged === null || judged.verdict === 'leave') return resolved(deps.db, finding);
  if (judged.verdict === 'report') return settled(deps, finding, { state: 'reported', why: judged.why });
  let { why }: { why: string } = judged;
  if (judged.verdict === 'catalogue') {
    const judgeAgain = async (tx: Db): Promise<boolean> => {
      const again = await judgeNow(tx, finding.key, { camera, name }, knows);
      return again?.verdict === 'catalogue';
    };
    const outcome = await catalogueStray({ ...deps, failpoint }, { finding, camera, name, judgeAgain });
    if (outcome !== 'quarantined' || finding.state !== 'quarantined' || judged.isHeld) return outcome;
    ({ why } = finding); // wanted, but its bytes are no footage
  }
  if (finding.state !== 'quarantined') return settled(deps, finding, { state: 'quarantined', why });
  const nowMs = deps.now();
  await transaction(deps.db, async (tx) => {
    await enqueue(tx, [finding.key], 'quarantine', nowMs);
    await settleFinding(tx, finding.id, { state: 'deleting', why, atMs: nowMs });
  });
  await failpoint('enqueued');
  return 'deleting';
}

/** What is to be done about an object, by what is known now; null: a row names it. */
async function judgeNow(
  db: Db,
  key: string,
  { camera, name }: { camera: ReconciledCamera; name: ObjectName },
  { clock, certified }: Known,
): Promise<(StrayVerdict & { isHeld: boolean }) | null> {
  const facts = (await strayFacts(db, camera.internalId, [{ ...name, key }], clock.nowMs)).get(key);
  if (facts === undefined || facts.isCatalogued) return null;
  const isCertified = await certified(db, camera.cameraId, key);
  const terms = await termsOf(db, camera.cameraId);
  const judged = judgeStray(
    {
      ...facts,
      modifiedMs: 0, // it was old enough when the pass looked
      endMs: name.startMs + name.durationMs,
      camera: camera.status,
      wasDeleted: facts.wasDeleted || isCertified,
      cutoffMs: terms === null ? 0 : cutoffMs(terms, clock.nowMs),
    },
    clock,
  );
  return { ...judged, isHeld: facts.isHeld };
}

async function lose(
  deps: ActDeps,
  finding: Finding,
  { camera, name }: { camera: ReconciledCamera; name: ObjectName },
): Promise<Outcome> {
  const { internalId } = camera;
  const atMs = deps.now();
  const seen = `looked for at ${new Date(finding.seenMs).toISOString()} and ${new Date(atMs).toISOString()}`;
  const text = `The object store does not have ${finding.key} (${finding.bytes} bytes) any more: ${seen}.`;
  const isLost = await transaction(deps.db, async (tx) => {
    const row = { id: finding.id, key: finding.key, internalId, startMs: name.startMs, sha256Prefix: name.sha256 };
    const endMs = await loseRow(tx, row, { text, atMs });
    if (endMs === null) return false;
    // Sources of a final that is lost are collected no more: the next pass gives them their rows back.
    const isSource = (startMs: number): boolean => startMs >= name.startMs && startMs < endMs;
    const finished = await finishedBelow(tx, cameraPrefix(camera));
    await collected(
      tx,
      finished.filter((key) => isSource(parseObjectKey(key)?.startMs ?? -1)),
    );
    return true;
  });
  if (!isLost) return 'resolved';
  const { key, held } = finding;
  const message = held ? 'footage that is HELD AS EVIDENCE is lost' : 'footage is lost';
  deps.log.error({ cameraId: camera.cameraId, key, held }, `${message}: its object is gone from the store`);
  await (deps.failpoint ?? noFailpoint)('lost');
  return 'missing';
}

async function resolved(db: Db, finding: Finding): Promise<Outcome> {
  await forgetFinding(db, finding.id);
  return 'resolved';
}

async function settled(
  deps: ActDeps,
  finding: Finding,
  change: { state: 'reported' | 'quarantined'; why: string },
): Promise<Outcome> {
  await settleFinding(deps.db, finding.id, { ...change, atMs: deps.now() });
  const { key, cameraId } = finding;
  deps.log.warn({ key, cameraId, ...change }, 'an object that no row names');
  await (deps.failpoint ?? noFailpoint)('settled');
  return change.state;
}
