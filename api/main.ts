import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { loadConfig, requireServices } from '../config.ts';
import { databaseNowMs } from '../db/clock.ts';
import { createPool } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import { createLogger } from '../log.ts';
import { createAddressPolicy } from '../security/address-policy.ts';
import { createLinkSigner } from '../security/links.ts';
import { ownAddresses } from '../security/own-addresses.ts';
import { createSealer } from '../security/seal.ts';
import { createObjects } from '../storage/objects.ts';
import { createCameraWorkflows } from './camera-workflows.ts';
import { prepareFirstStart } from './first-start.ts';
import { buildServer } from './server.ts';

const closeWithinMs = 5_000;

/** The role `api`: listens until SIGINT or SIGTERM. Postgres must be there at the start, everything else may come. */
async function main(): Promise<void> {
  const config = loadConfig();
  const services = requireServices(config);
  const log = createLogger({ level: config.logLevel, name: 'api' });
  const pool = createPool(services.databaseUrl, {
    max: 20,
    applicationName: 'framekeep-api',
    onError: (error) => log.warn({ err: error }, 'an idle database connection was lost'),
  });
  const workflows = createCameraWorkflows({
    address: services.temporalAddress,
    namespace: config.temporal.namespace,
    log,
  });
  const objects = createObjects(services.s3);
  try {
    await mkdir(config.dataDir, { recursive: true });
    const { dataDir, bootstrapApiKey } = config;
    await prepareFirstStart(pool, { dataDir, bootstrapApiKey, now: Date.now });
    const own = [services.databaseUrl, services.s3.endpoint, services.temporalAddress, `${config.host}:${config.port}`];
    const networks = createAddressPolicy({
      allowed: config.cameraNetworks,
      ownAddresses: await ownAddresses(own, log),
    });
    const app = await buildServer({
      pool,
      workflows,
      objects,
      sealer: createSealer(services.secretKey),
      links: createLinkSigner(services.secretKey),
      networks,
      log,
      now: Date.now,
      databaseNow: databaseNowMs,
      dataDir: config.dataDir,
      webDir: fileURLToPath(new URL('../dist/web', import.meta.url)),
      graceDays: config.graceDays,
    });
    const stopped = new Promise<string>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    const address = await app.listen({ host: config.host, port: config.port });
    log.info({ address }, 'listening');
    const signal = await stopped;
    log.info({ signal }, 'stopping: answers under way are finished');
    // A player may take its bytes for minutes: it asks again.
    setTimeout(() => app.server.closeAllConnections(), closeWithinMs).unref();
    await app.close();
  } finally {
    objects.close();
    await workflows.close();
    await pool.end();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(1);
  },
);
