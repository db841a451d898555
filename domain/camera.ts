/** The states a camera can be in, as the API, Temporal's search attribute and the console show them. */
export const cameraStates = [
  'provisioning',
  'connecting',
  'recording',
  'reconnecting',
  'no-slot',
  'attention',
  'paused',
  'grace',
  'purging',
  'purged',
] as const;
export type CameraState = (typeof cameraStates)[number];

export const cameraTiers = ['critical', 'normal'] as const;
export type CameraTier = (typeof cameraTiers)[number];

/** What the customer wants of a camera; the camera's state follows it. */
export const cameraIntents = ['record', 'paused', 'retired'] as const;
export type CameraIntent = (typeof cameraIntents)[number];

/** A camera as the rest of the system knows it; its URL's login is never part of it. Times in ms since 1970. */
export interface Camera {
  id: string;
  tenantId: string;
  name: string;
  urlRedacted: string;
  /** Of its second, smaller stream; null = none is named. */
  substreamUrlRedacted: string | null;
  tier: CameraTier;
  profileId: string;
  retentionDays: number;
  intent: CameraIntent;
  configVersion: number;
  state: CameraState;
  stateReason: string | null;
  /** Since when it is so; where footage has stopped, since then, whatever was restarted meanwhile. */
  stateSinceMs: number;
  /** Of a camera that gives no footage: what went wrong last, in one sentence; null = nothing is known. */
  stateDetail: string | null;
  createdAtMs: number;
  retiredAtMs: number | null;
  graceEndsAtMs: number | null;
  lastSegmentEndMs: number | null;
  /** What the profile made of the stream in the newest finished window; null = not decided yet. */
  finish: { action: 'copy' | 'encode' | 'undecided'; reason: string } | null;
}
