/** An evidence hold over a range of a camera's footage. Times in ms since 1970. */
export interface Hold {
  id: string;
  cameraId: string;
  tenantId: string;
  startMs: number;
  endMs: number;
  reason: string;
  /** As the audit log names people. */
  placedBy: string;
  placedAtMs: number;
  /** null: until it is released. */
  untilMs: number | null;
  releasedAtMs: number | null;
  releasedBy: string | null;
}

/** What of a hold the audit log shows. */
export function auditedHold(hold: Hold, state: HoldState) {
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: hold.id,
    from: iso(hold.startMs),
    to: iso(hold.endMs),
    reason: hold.reason,
    until: iso(hold.untilMs),
    releasedAt: iso(hold.releasedAtMs),
    state,
  };
}

export const holdStates = ['active', 'ended', 'released'] as const;
export type HoldState = (typeof holdStates)[number];

/** Whether a hold keeps its footage; `ended`: its time has run out. */
export function holdState(hold: Pick<Hold, 'untilMs' | 'releasedAtMs'>, nowMs: number): HoldState {
  if (hold.releasedAtMs !== null) return 'released';
  return hold.untilMs !== null && hold.untilMs <= nowMs ? 'ended' : 'active';
}
