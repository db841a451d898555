import type { RecordedCamera } from '../db/recorded-cameras.ts';
import type { Assignment } from './journal.ts';

/** What a host is to record of a camera, under this epoch. */
export function assignmentOf(camera: RecordedCamera, epoch: number): Assignment {
  const { cameraId, tenantId, sealedUrl, configVersion, tier, profile, stream } = camera;
  return {
    cameraId,
    tenantId,
    epoch,
    sealedUrl,
    substream: substreamOf(camera),
    configVersion,
    tier,
    audio: profile.audio,
    // Which of two streams was probed last is not known: both are looked at.
    stream:
      stream === null || camera.sealedSubstreamUrl !== null
        ? null
        : { codec: stream.codec, audioCodec: stream.audioCodec },
    archiveClock: null,
    stoppedAtMs: null,
  };
}

/** The camera's second stream; null = it has none. */
export function substreamOf({ sealedSubstreamUrl, profile }: RecordedCamera): Assignment['substream'] {
  if (sealedSubstreamUrl === null) return null;
  const { mode, height, fps, bitrateKbps, audio, hevc } = profile;
  return { sealedUrl: sealedSubstreamUrl, profile: { mode, height, fps, bitrateKbps, audio, hevc }, use: null };
}

/** Whether two assignments record the same second stream, whatever was decided about its use. */
export function sameSubstream(a: Assignment['substream'], b: Assignment['substream']): boolean {
  const undecided = (one: Assignment['substream']): string =>
    JSON.stringify(one === null ? null : { ...one, use: null });
  return undecided(a) === undecided(b);
}
