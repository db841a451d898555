import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import type { LightMyRequestResponse } from 'fastify';
import { createCameraWorkflows } from '../../api/camera-workflows.ts';
import type { Api, ApiDeps } from '../../api/dependencies.ts';
import { buildServer } from '../../api/server.ts';
import { insertApiKey } from '../../db/api-keys.ts';
import { insertCamera } from '../../db/cameras.ts';
import { defaultProfile } from '../../db/profiles.ts';
import { defaultTenant } from '../../db/tenants.ts';
import type { Camera } from '../../domain/camera.ts';
import { createLogger } from '../../log.ts';
import { createAddressPolicy } from '../../security/address-policy.ts';
import { createLinkSigner } from '../../security/links.ts';
import { cameraUrlAad, createSealer } from '../../security/seal.ts';
import { sha256 } from '../../security/tokens.ts';
import { newUuid } from '../../security/uuid.ts';
import { registerSearchAttributes } from '../../temporal/search-attributes.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestBucket } from '../support/objects.ts';
import { startRefusingTemporal } from '../support/refusing-temporal.ts';
import { testTemporal } from '../support/temporal.ts';

export interface ApiUnderTest {
  app: Api;
  deps: ApiDeps;
  database: TestDatabase;
  apiKey: string;
  temporal: { address: string; namespace: string };
  /** With the API key; a body is sent as JSON. */
  call(method: string, url: string, body?: unknown): Promise<LightMyRequestResponse>;
  /** Straight into the catalogue, without a workflow. */
  addCamera(camera?: { name?: string; url?: string; retentionDays?: number }): Promise<Camera>;
  close(): Promise<void>;
}

/** Nothing listens there: port 1 is never given out. */
const nobody = { address: '127.0.0.1:1', namespace: 'default' };

type Options = Partial<Pick<ApiDeps, 'now' | 'databaseNow' | 'webDir' | 'log'>> & {
  /** Away costs 3 s a change; one that refuses, as it does by default, costs nothing, and the API answers the same. */
  temporal?: 'present' | 'away';
};

/** The API over a database and a bucket of its own. Unless it is `present`, there is no Temporal that takes anything. */
export async function startApi(options: Options = {}): Promise<ApiUnderTest> {
  const refusing = options.temporal === undefined ? await startRefusingTemporal() : null;
  const temporal =
    refusing !== null
      ? { address: refusing.address, namespace: 'default' }
      : options.temporal === 'present'
        ? await presentTemporal()
        : nobody;
  const [database, objects, dataDir] = await Promise.all([
    createTestDatabase(),
    createTestBucket(),
    mkdtemp(join(tmpdir(), 'framekeep-api-')),
  ]);
  const secretKey = randomBytes(32).toString('hex');
  const log = options.log ?? createLogger({ level: 'silent', name: 'test' });
  const workflows = createCameraWorkflows({ ...temporal, log });
  const deps: ApiDeps = {
    pool: database.pool,
    objects,
    workflows,
    sealer: createSealer(secretKey),
    links: createLinkSigner(secretKey),
    networks: createAddressPolicy({ ownAddresses: [] }),
    log,
    now: options.now ?? Date.now,
    databaseNow: options.databaseNow ?? (async () => (options.now ?? Date.now)()),
    dataDir,
    webDir: options.webDir ?? join(dataDir, 'no-console'),
    graceDays: 90,
  };
  const app = await buildServer(deps);
  await app.ready();
  const apiKey = randomBytes(16).toString('hex');
  await insertApiKey(database.pool, { name: 'test', keySha256: sha256(apiKey), role: 'operator' });
  return {
    app,
    deps,
    database,
    apiKey,
    temporal,
    call: (method, url, body) =>
      app.inject({
        method: method as 'GET',
        url,
        headers: { authorization: `Bearer ${apiKey}` },
        ...(body !== undefined && { payload: body as object }),
      }),
    async addCamera({
      name = `camera ${randomBytes(4).toString('hex')}`,
      url = 'rtsp://192.0.2.7/a',
      retentionDays = 30,
    } = {}) {
      const id = newUuid(Date.now());
      return insertCamera(database.pool, {
        id,
        tenantId: (await defaultTenant(database.pool)).id,
        name,
        sealedUrl: deps.sealer.seal(url, cameraUrlAad(id)),
        urlRedacted: url,
        tier: 'normal',
        profileId: (await defaultProfile(database.pool)).id,
        retentionDays,
      });
    },
    async close() {
      await app.close();
      await workflows.close();
      refusing?.close();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function presentTemporal(): Promise<{ address: string; namespace: string }> {
  const temporal = await testTemporal();
  const connection = await Connection.connect({ address: temporal.address });
  try {
    await registerSearchAttributes(connection, temporal.namespace);
  } finally {
    await connection.close();
  }
  return temporal;
}
