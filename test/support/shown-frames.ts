import type { SimulatedCamera } from './camera/start-camera.ts';
import type { ExplainedGap, ShownFrames } from './missing-pictures.ts';

/**
 * What a simulated camera shows, from the newest picture that it has sent.
 * @throws Error when it has sent none: then there is nothing to compare with
 */
export function shownFrames(cameraId: string, camera: SimulatedCamera): ShownFrames {
  const frame = camera.framesSent().at(-1);
  if (frame === undefined) throw new Error('a camera has sent nothing');
  const { frames: loopFrames, fps } = camera.loop();
  return { cameraId, atMs: frame.atMs, index: frame.index, loopFrames, fps };
}

/** A list of gaps as the API answers. */
export interface GapList {
  items: { startAt: string; endAt: string | null; reason: string }[];
}

/** The gaps of the last day that the API reports for a camera. @param get asks the API and throws where it refuses */
export async function reportedGaps(get: (path: string) => Promise<GapList>, cameraId: string): Promise<ExplainedGap[]> {
  const [from, to] = [new Date(Date.now() - 24 * 3_600_000), new Date(Date.now() + 60_000)];
  const query = `from=${from.toISOString()}&to=${to.toISOString()}&limit=1000`;
  const { items } = await get(`/v1/cameras/${cameraId}/gaps?${query}`);
  return items.map(({ startAt, endAt, reason }) => ({
    startMs: Date.parse(startAt),
    endMs: endAt === null ? Infinity : Date.parse(endAt),
    reason,
  }));
}
