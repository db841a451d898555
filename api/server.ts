import { randomUUID } from 'node:crypto';
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import { fastify, LogController, type FastifyBaseLogger } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { AppError } from '../errors.ts';
import { registerAccess } from './access.ts';
import { registerConsoleFiles } from './console-files.ts';
import type { Api, ApiDeps } from './dependencies.ts';
import { createMetrics } from './metrics.ts';
import { registerOpenApi } from './openapi.ts';
import { createPartHealth } from './part-health.ts';
import { registerProblems, sendProblem, toAppError } from './problems.ts';
import { registerSecurityHeaders } from './security-headers.ts';
import { registerApiKeys } from './routes/api-keys.ts';
import { registerAudit } from './routes/audit.ts';
import { registerCameraActions } from './routes/camera-actions.ts';
import { registerCameras } from './routes/cameras.ts';
import { registerEncoders } from './routes/encoders.ts';
import { registerEvents } from './routes/events.ts';
import { registerCertificates } from './routes/certificates.ts';
import { registerContracts } from './routes/contracts.ts';
import { registerFootage } from './routes/footage.ts';
import { registerHealth } from './routes/health.ts';
import { registerHolds } from './routes/holds.ts';
import { registerMedia } from './routes/media.ts';
import { registerPlaylist } from './routes/playlist.ts';
import { registerProfiles } from './routes/profiles.ts';
import { registerPurge } from './routes/purge.ts';
import { registerReconcile } from './routes/reconcile.ts';
import { registerRecorders } from './routes/recorders.ts';
import { registerReencode } from './routes/reencode.ts';
import { registerReports } from './routes/reports.ts';
import { registerRetention } from './routes/retention.ts';
import { registerSession } from './routes/session.ts';
import { registerStatus } from './routes/status.ts';
import { registerTenantChanges, registerTenants } from './routes/tenants.ts';

/** Of the API, as the document shows it. */
const version = '0.1.0';

/** The largest sensible request, a camera with a long URL, is below 3 kB. */
const bodyLimitBytes = 64 * 1024;

/** The whole REST API, the media and the console's files, ready for `listen` or `inject`. */
export async function buildServer(deps: ApiDeps): Promise<Api> {
  const loggerInstance: FastifyBaseLogger = deps.log;
  const app: Api = fastify({
    loggerInstance,
    // Requests are logged below, by route: paths hold media tokens.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    genReqId: () => randomUUID(),
    frameworkErrors: (error, request, reply) => {
      void sendProblem(request, reply, toAppError(error));
    },
    // A reverse proxy on the same machine says what the browser's address and protocol were.
    trustProxy: 'loopback',
    forceCloseConnections: 'idle',
    // Longest honest request: a change that waits 3 s for Temporal. Media answers may last longer.
    requestTimeout: 60_000,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  acceptOnlyJson(app);
  registerProblems(app, deps.webDir);
  registerSecurityHeaders(app);

  await app.register(cookie);
  await app.register(rateLimit, {
    global: false,
    errorResponseBuilder: (_request, context) =>
      new AppError('too-many-requests', `Too many tries. Try again in ${context.after}.`),
  });
  registerAccess(app, { db: deps.pool, now: deps.now });
  const metrics = createMetrics(app, deps);
  await registerOpenApi(app, version);
  await registerConsoleFiles(app, deps.webDir);

  const health = createPartHealth(
    {
      database: async () => (await deps.pool.query('select 1')).rowCount === 1,
      // An object that never is: whether the storage answers at all.
      objects: async () => (await deps.objects.stat('readiness')) === null,
      temporal: () => deps.workflows.reachable(),
    },
    deps.now,
  );
  registerHealth(app, { health, metrics });
  registerSession(app, deps);
  registerCameras(app, deps);
  registerCameraActions(app, deps);
  registerFootage(app, deps);
  registerEvents(app, deps);
  registerPlaylist(app, deps);
  registerMedia(app, deps);
  registerTenants(app, deps);
  registerTenantChanges(app, deps);
  registerContracts(app, deps);
  registerCertificates(app, deps);
  registerPurge(app, deps);
  registerProfiles(app, deps);
  registerApiKeys(app, deps);
  registerRecorders(app, deps);
  registerEncoders(app, deps);
  registerReencode(app, deps);
  registerReports(app, deps);
  registerHolds(app, deps);
  registerRetention(app, deps);
  registerReconcile(app, deps);
  registerAudit(app, deps);
  registerStatus(app, { ...deps, health });
  return app;
}

/** No text/plain, and an empty body is no body: clients set the content type before they know what they send. */
function acceptOnlyJson(app: Api): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body, done);
  });
}
