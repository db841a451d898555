import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { takeEpoch } from '../../db/leases.ts';
import { insertSegment } from '../../db/segments.ts';
import { segmentOf } from '../db/fixtures.ts';
import type { ApiUnderTest } from './api-under-test.ts';

export const t0 = Date.UTC(2026, 0, 1);
const windowMs = 600_000;

/** A camera with one committed segment a minute from `t0` on. @returns its id */
export async function cameraWithFootage(api: ApiUnderTest, minutes: number): Promise<string> {
  const { id } = await api.addCamera();
  const { pool } = api.deps;
  const { rows } = await pool.query<{ id: number }>(`select id from camera where public_id = $1`, [id]);
  const internalId = rows[0]?.id ?? 0;
  await pool.query(`update camera_lease set last_end_at = $2 where camera_id = $1`, [internalId, new Date(t0)]);
  const epoch = await takeEpoch(pool, id, { hostId: randomUUID(), sessionId: null });
  for (let minute = 0; minute < minutes; minute += 1) {
    const segment = segmentOf({ startMs: t0 + minute * 60_000, durationMs: 60_000, epoch });
    expect(await insertSegment(pool, internalId, segment, windowMs)).toBe(true);
  }
  return id;
}
