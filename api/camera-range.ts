import { cameraByPublicId, noSuchCamera } from '../db/cameras.ts';
import type { KeptFootage } from '../db/footage.ts';
import { heldFromMs } from '../db/holds.ts';
import { termsOf } from '../db/retention.ts';
import type { Db } from '../db/sql.ts';
import type { Camera } from '../domain/camera.ts';
import { cutoffMs, dayMs } from '../domain/retention.ts';
import { AppError } from '../errors.ts';

/** A month of one camera is about 45,000 segments: one call's worth of reading for the database. */
export const listRangeMs = 31 * dayMs;
/** 24 h of 2 s entries are a playlist of 4.8 MB (113 kB gzip). */
export const playlistRangeMs = dayMs;

/** A part of a camera's time; `fromMs` may lie after `toMs` where all of it is older than the retention. */
export interface CameraRange {
  camera: Camera;
  fromMs: number;
  toMs: number;
  /** What is older is not there any more, but for what a hold keeps. */
  kept: KeptFootage;
}

/**
 * The camera and the asked range, cut at the retention: what is older is due to be deleted and not shown any more.
 * What a hold keeps stays in the range; of a purged camera nothing does.
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
  const terms = await termsOf(db, cameraId);
  const kept = { fromMs: terms === null ? limits.nowMs : cutoffMs(terms, limits.nowMs), atMs: limits.nowMs };
  const heldMs = asked.from < kept.fromMs ? await heldFromMs(db, cameraId, kept.fromMs, limits.nowMs) : null;
  return { camera, fromMs: Math.max(asked.from, Math.min(kept.fromMs, heldMs ?? Infinity)), toMs: asked.to, kept };
}

function wrongRange(code: 'invalid-range' | 'range-too-long', message: string): AppError {
  return new AppError(code, message, { details: { errors: [{ path: 'from', message }] } });
}
