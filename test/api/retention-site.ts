import { auditList } from '../../api/schemas/audit.ts';
import { segmentList } from '../../api/schemas/footage.ts';
import { changeIntent } from '../../db/camera-changes.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { transaction } from '../../db/sql.ts';
import { dayMs } from '../../domain/retention.ts';
import { storeFootage } from '../support/stored-footage.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { clocksAt } from '../db/fixtures.ts';

/** Where all footage begins. */
export const t0 = Date.UTC(2026, 0, 1);

export const iso = (ms: number): string => new Date(ms).toISOString();

/** An API whose clocks the test sets, and footage that ages by them. */
export interface RetentionSite {
  api: ApiUnderTest;
  clock: {
    nowMs: number;
    /** How far the database's clock is ahead of the API's. */
    aheadMs: number;
  };
  /** Ten minutes of footage from t0 on. @returns the camera's id */
  cameraWithFootage(tenantId?: string, retentionDays?: number): Promise<string>;
  /** As the API does, which waits seconds for a workflow that is not there. */
  retire(id: string): Promise<number>;
  /** The minutes after t0 at which what a camera shows begins. */
  shownMinutes(id: string): Promise<number[]>;
  /** What was done to a camera, the last first. */
  actions(id: string): Promise<string[]>;
}

export async function createRetentionSite(): Promise<RetentionSite> {
  const clock = { nowMs: t0, aheadMs: 0 };
  const api = await startApi({ now: () => clock.nowMs, databaseNow: async () => clock.nowMs + clock.aheadMs });
  const { pool } = api.database;
  return {
    api,
    clock,
    async cameraWithFootage(tenantId, retentionDays = 30) {
      const camera = await api.addCamera({ retentionDays });
      const internalId = (await cameraForRecording(pool, camera.id))?.internalId ?? 0;
      const since = new Date(t0);
      await pool.query(
        `update camera set created_at = $2,
           tenant_id = coalesce((select id from tenant where public_id = $3::uuid), tenant_id) where id = $1`,
        [internalId, since, tenantId ?? null],
      );
      await pool.query(`update camera_lease set last_end_at = $2 where camera_id = $1`, [internalId, since]);
      const store = { db: pool, objects: api.deps.objects };
      for (let i = 0; i < 10; i += 1)
        await storeFootage(store, { ...camera, internalId }, { startMs: t0 + i * 60_000 });
      return camera.id;
    },
    retire: (id) =>
      transaction(pool, (tx) => changeIntent(tx, id, 'retire', { clocks: clocksAt(clock.nowMs), graceMs: 90 * dayMs })),
    async shownMinutes(id) {
      const path = `/v1/cameras/${id}/segments?from=${iso(t0)}&to=${iso(t0 + 3_600_000)}`;
      const { items } = segmentList.parse((await api.call('GET', path)).json());
      return items.map(({ startAt }) => (Date.parse(startAt) - t0) / 60_000);
    },
    async actions(id) {
      const { items } = auditList.parse((await api.call('GET', `/v1/audit?cameraId=${id}`)).json());
      return items.map(({ action }) => action);
    },
  };
}
