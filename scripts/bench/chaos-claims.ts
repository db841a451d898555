import type { CoveredClaim } from '../../test/support/claim-checker.ts';
import type { FaultKind } from './chaos-faults.ts';
import type { InjectedFault } from './chaos-run.ts';

/** A start of a recording, and an end, are known to some seconds only. */
const toleratedMs = 5000;
/** What is in a spool is catalogued later than what a claim begins with; a clock may be wrong by so much too. */
const beforeMs = 30_000;
/** Until what was broken records again, on a loaded machine. */
const afterMs = 60_000;

const recorders: FaultKind[] = ['recorder-kill', 'recorder-stop', 'recorder-freeze', 'host-cut'];
const cameras: FaultKind[] = ['camera-drop', 'camera-off', 'camera-cut', 'camera-hold', 'camera-throttle'];
const clocks: FaultKind[] = ['clock-step', 'clock-ahead'];
const postgres: FaultKind[] = ['postgres-kill', 'postgres-stop', 'postgres-cut', 'postgres-hold', 'postgres-throttle'];
const temporal: FaultKind[] = ['temporal-kill', 'temporal-stop', 'temporal-cut', 'temporal-hold', 'temporal-throttle'];

/** What can make each reason true for a while; no fault makes any other. */
const causes: Record<string, readonly FaultKind[]> = {
  'host-lost': [...recorders, 'ffmpeg-kill', ...clocks, ...postgres, ...temporal],
  'no-slot': [...recorders, ...temporal],
  unreachable: [...recorders, ...cameras],
  refused: [...recorders, ...cameras],
  'no-media': [...recorders, ...cameras],
  stalled: [...recorders, ...cameras, 'ffmpeg-stop'],
  closed: [...recorders, ...cameras, 'ffmpeg-stop', 'disk-full'],
  'bad-stream': [...cameras, 'ffmpeg-stop', 'ffmpeg-kill', ...clocks],
  'spool-full': ['disk-full'],
  'storage-down': ['disk-full'],
};

/**
 * Claims that say footage is missing where it is there, for longer than any fault can have kept it from the catalogue:
 * only near a fault that can cause its reason may a claim lie over footage.
 */
export function falseClaims(claims: readonly CoveredClaim[], injected: readonly InjectedFault[]): CoveredClaim[] {
  return claims.filter((claim) => {
    const kinds = causes[claim.reason] ?? [];
    const near = injected.filter(
      ({ kind, startMs, endMs }) =>
        kinds.includes(kind) && claim.startMs >= startMs - beforeMs && claim.startMs <= endMs + afterMs,
    );
    const excusedUntilMs = Math.max(-Infinity, ...near.map(({ endMs }) => endMs + afterMs));
    const coveredMs = claim.covered.reduce(
      (sum, { startMs, endMs }) => sum + Math.max(0, endMs - Math.max(startMs, excusedUntilMs)),
      0,
    );
    return coveredMs > toleratedMs;
  });
}
