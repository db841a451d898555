import { setTimeout as sleep } from 'node:timers/promises';
import { checkArchive, type CheckReport } from '../../test/support/checker.ts';
import type { ShownFrames } from '../../test/support/missing-pictures.ts';
import { claimsOverFootage, notRecording, type CoveredClaim } from '../../test/support/claim-checker.ts';
import { reportedGaps, shownFrames } from '../../test/support/shown-frames.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { falseClaims } from './chaos-claims.ts';
import { faultOrder, faults, seededRandom, type FaultKind, type PeerFaults } from './chaos-faults.ts';
import { hostNames, untilAllRecordSince, type ChaosSite } from './chaos-site.ts';

export interface InjectedFault {
  kind: FaultKind;
  startMs: number;
  endMs: number;
}

/** Injects faults one after the other until the time is up, each after a pause; all kinds before any comes again. */
export async function injectFaults(options: {
  site: ChaosSite;
  peer: PeerFaults | null;
  seed: number;
  forMs: number;
  pauseMs: number;
  kinds: readonly FaultKind[];
  onFault: (fault: InjectedFault) => void;
}): Promise<InjectedFault[]> {
  const { site, peer, forMs, pauseMs } = options;
  const random = seededRandom(options.seed);
  const injected: InjectedFault[] = [];
  const order = faultOrder(random, options.kinds);
  const untilMs = Date.now() + forMs;
  while (Date.now() < untilMs) {
    const kind = order.next().value;
    const startMs = Date.now();
    await faults[kind]({ site, peer, random });
    const fault = { kind, startMs, endMs: Date.now() };
    options.onFault(fault);
    injected.push(fault);
    await sleep(pauseMs);
  }
  return injected;
}

/** What the checker finds, and what is told of cameras that is not so. */
export interface SettledReport extends CheckReport {
  /** Of cameras that record, with nothing broken: what says otherwise, a sentence each. */
  unsettled: string[];
  falseClaims: CoveredClaim[];
}

/** What waits for a catalogue is written 10 s after it is back, and a try that failed is followed by the next one. */
const settlesWithinMs = 60_000;

/**
 * Lets the site recover by itself, ends recording in order, and compares what was shown and told with what is kept.
 * @param injected the run's faults: near these a claim may be wrong for a while
 */
export async function settleAndCheck(site: ChaosSite, injected: readonly InjectedFault[] = []): Promise<SettledReport> {
  await untilAllRecordSince(site, Date.now() + 2000, 120_000);
  const unsettled = await untilSettled(site);
  await Promise.all([...hostNames, 'encoder' as const].map((name) => site.end(name, 'SIGINT')));
  await waitFor('the API answers', async () => (await fetch(`${site.url}/readyz`)).ok);
  // A host whose clock was ahead leaves footage of up to 30 s from now; no gap is told before its time.
  await waitFor('no footage lies ahead of now', () => isPast(site));
  const report = await checkArchive({
    pool: site.pool,
    s3: site.s3,
    cameras: shownBy(site),
    gapsOf: (id) => reportedGaps((path) => site.call('GET', path), id),
  });
  const claims = await claimsOverFootage(
    site.pool,
    site.cameras.map(({ id }) => id),
  );
  return { ...report, unsettled, falseClaims: falseClaims(claims, injected) };
}

/** @returns what is left after the time */
async function untilSettled({ pool }: ChaosSite): Promise<string[]> {
  const untilMs = Date.now() + settlesWithinMs;
  for (;;) {
    const left = await notRecording(pool);
    if (left.length === 0 || Date.now() > untilMs) return left;
    await sleep(500);
  }
}

async function isPast(site: ChaosSite): Promise<boolean> {
  const { rows } = await site.pool.query<{ is_past: boolean | null }>(
    `select max(start_at + duration_ms * interval '1 ms') <= now() as is_past from segment`,
  );
  return rows[0]?.is_past !== false;
}

/** What the cameras of a site show, from the newest picture that each has sent. */
export function shownBy(site: ChaosSite): ShownFrames[] {
  return site.cameras.map(({ id, simulated }) => shownFrames(id, simulated));
}

/** Footage may end a little before its fault: what was in buffers is lost too. */
const buffersMs = 1500;

/** From each fault to the last picture that it cost any camera; 0 = none. A loss is the latest fault's before it. */
export function recoveryMs(report: CheckReport, injected: readonly InjectedFault[]): Map<FaultKind, number[]> {
  const recovered = new Map<FaultKind, number[]>();
  injected.forEach(({ kind, startMs }, place) => {
    const nextMs = injected[place + 1]?.startMs ?? Infinity;
    const ends = report.missing
      .filter((run) => run.startMs >= startMs - buffersMs && run.startMs < nextMs - buffersMs)
      .map((run) => run.endMs);
    recovered.set(kind, [...(recovered.get(kind) ?? []), Math.max(startMs, ...ends) - startMs]);
  });
  return recovered;
}
