import { cameraByPublicId, noSuchCamera } from '../db/cameras.ts';
import type { Db } from '../db/sql.ts';
import type { Camera } from '../domain/camera.ts';
import { AppError } from '../errors.ts';

const dayMs = 24 * 3600 * 1000;

/** A month of one camera is about 45,000 segments: one call's worth of reading for the database. */
export const listRangeMs = 31 * dayMs;
/** 24 h of 2 s entries are a playlist of 4.8 MB (113 kB gzip). */
export const playlistRangeMs = dayMs;

/** A part of a camera's time; `fromMs` may lie after `toMs` where all of it is older than the retention. */
export interface CameraRange {
  camera: Camera;
  fromMs: number;
  toMs: number;
}

/**
 * The camera and the asked range, cut at the retention: what is older is due to be deleted and not shown any more.
 * In grace the archive is frozen, so that a camera that comes back finds it as it was.
 * @throws AppError invalid-range, range-too-long, not-found
 */
export async function cameraRange(
  db: Db,
  cameraId: string,
  asked: { from: number; to: number },
  limits: { maxMs: number; nowMs: number },
): Promise<CameraRange> {
  if (asked.from >= asked.to) throw wrongRange('invalid-range', 'from must lie before to.');
  if (asked.to - asked.from > limits.maxMs) {
    const hours = limits.maxMs / 3_600_000;
    const most = hours > 24 ? `${hours / 24} days` : `${hours} hours`;
    throw wrongRange('range-too-long', `The range is longer than ${most}. Ask for it in parts.`);
  }
  const camera = await cameraByPublicId(db, cameraId);
  if (camera === null) throw noSuchCamera();
  const frozenMs = camera.retiredAtMs ?? limits.nowMs;
  const cutoffMs = frozenMs - camera.retentionDays * dayMs;
  return { camera, fromMs: Math.max(asked.from, cutoffMs), toMs: asked.to };
}

function wrongRange(code: 'invalid-range' | 'range-too-long', message: string): AppError {
  return new AppError(code, message, { details: { errors: [{ path: 'from', message }] } });
}
