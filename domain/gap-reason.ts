/** Why footage is missing: a closed list, part of the API. */
export const gapReasons = [
  'unreachable',
  'refused',
  'auth',
  'not-found',
  'camera-busy',
  'stalled',
  'closed',
  'no-media',
  'bad-stream',
  'host-lost',
  'deploy',
  'spool-full',
  'storage-down',
  'no-slot',
  'paused',
  'operator',
  'missing',
  'unknown',
] as const;
export type GapReason = (typeof gapReasons)[number];

export const gapOwners = ['camera', 'network', 'service', 'operator', 'unknown'] as const;
/** Whose fault a gap is. */
export type GapOwner = (typeof gapOwners)[number];

const ownerOf: Record<GapReason, GapOwner> = {
  unreachable: 'network',
  refused: 'camera',
  auth: 'operator',
  'not-found': 'operator',
  'camera-busy': 'camera',
  stalled: 'camera',
  closed: 'camera',
  'no-media': 'camera',
  'bad-stream': 'camera',
  'host-lost': 'service',
  deploy: 'service',
  'spool-full': 'service',
  'storage-down': 'service',
  'no-slot': 'service',
  paused: 'operator',
  operator: 'operator',
  missing: 'service',
  unknown: 'unknown',
};

/** The owner of a gap with this reason. */
export function gapOwner(reason: GapReason): GapOwner {
  return ownerOf[reason];
}
