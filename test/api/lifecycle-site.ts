import { expect } from 'vitest';
import { z } from 'zod';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

export const idOf = z.object({ id: z.string() });

/** An API whose clocks the test sets. */
export interface LifecycleSite {
  api: ApiUnderTest;
  clock: {
    nowMs: number;
    /** The database's clock, where it says something else. */
    databaseNowMs: number | null;
  };
  /** Makes something by the API. @returns its id */
  made(url: string, body: unknown): Promise<string>;
  /** Makes a camera of a tenant. @returns its id */
  cameraOf(tenantId: string, retentionDays: number): Promise<string>;
}

export async function createLifecycleSite(): Promise<LifecycleSite> {
  const clock: LifecycleSite['clock'] = { nowMs: Date.UTC(2026, 0, 15), databaseNowMs: null };
  const databaseNow = async (): Promise<number> => clock.databaseNowMs ?? clock.nowMs;
  const api = await startApi({ now: () => clock.nowMs, databaseNow });
  return {
    api,
    clock,
    async made(url, body) {
      const answer = await api.call('POST', url, body);
      expect([answer.statusCode, answer.body]).toEqual([201, expect.anything()]);
      return idOf.parse(answer.json()).id;
    },
    async cameraOf(tenantId, retentionDays) {
      const { id } = await api.addCamera({ retentionDays });
      await api.database.pool.query(
        `update camera set tenant_id = (select id from tenant where public_id = $2) where public_id = $1`,
        [id, tenantId],
      );
      return id;
    },
  };
}
