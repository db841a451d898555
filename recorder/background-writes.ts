import type { CameraState } from '../domain/camera.ts';
import { setCameraState } from '../db/cameras.ts';
import { markRecording, noteOneClient } from '../db/leases.ts';
import { saveStream } from '../db/recorded-cameras.ts';
import type { Db } from '../db/sql.ts';
import type { StreamInfo } from '../media/ffprobe.ts';
import type { FirstFrame } from './run-watch.ts';
import type { WriteQueue } from './write-queue.ts';

/** What a recording tells the catalogue about its camera, in the background; of each kind the last one wins. */
export interface BackgroundWrites {
  /** What counts no more, once a newer recording has its first frame or the camera is unwanted, is not written. */
  state(state: CameraState, reason: string | null, atMs: number): void;
  /** Its first frame, whereupon older epochs stop. */
  recording(epoch: number, first: FirstFrame): void;
  stream(stream: StreamInfo): void;
  /** The camera has no room for this recording beside an older one. */
  oneClient(epoch: number): void;
}

/** @param recording its epoch is asked for when a write is done, for it may be raised meanwhile */
export function createBackgroundWrites(
  db: Db,
  queue: WriteQueue,
  recording: { readonly cameraId: string; readonly epoch: number },
): BackgroundWrites {
  const { cameraId } = recording;
  const add = (slot: string, write: () => Promise<unknown>): void => {
    queue.add(
      cameraId,
      async () => {
        await write();
      },
      slot,
    );
  };
  return {
    state: (state, reason, atMs) =>
      add('state', () => setCameraState(db, cameraId, state, reason, atMs, recording.epoch)),
    recording: (epoch, { atMs, keySha256 }) =>
      add('recording', () => markRecording(db, cameraId, epoch, { frameMs: atMs, keySha256 })),
    oneClient: (epoch) => add('one-client', () => noteOneClient(db, cameraId, epoch)),
    // The catalogue says 0 where the camera does not tell its rate.
    stream: (stream) => add('stream', () => saveStream(db, cameraId, { ...stream, fps: stream.fps ?? 0 })),
  };
}
