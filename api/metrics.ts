import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { countCamerasByState } from '../db/service-status.ts';
import type { Api, ApiDeps } from './dependencies.ts';
import { registerFinishGauges } from './finish-metrics.ts';
import { registerReliabilityMetrics } from './reliability-metrics.ts';

/** Metrics of this process and of the cameras; a registry a server, so that a test can make many. */
export function createMetrics(app: Api, deps: Pick<ApiDeps, 'pool' | 'now' | 'databaseNow'>): Registry {
  const { pool: db, now } = deps;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'framekeep_http_request_seconds',
    help: 'Time to the end of the answer, by route, method and status.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 3, 10],
    registers: [registry],
  });
  const cameras = new Gauge({
    name: 'framekeep_cameras',
    help: 'Cameras by state.',
    labelNames: ['state'] as const,
    registers: [registry],
    async collect() {
      const counts = await countCamerasByState(db);
      this.reset();
      for (const { state, count } of counts) this.set({ state }, count);
    },
  });
  registry.registerMetric(cameras);
  registerFinishGauges(registry, db, now);
  registerReliabilityMetrics(registry, deps);

  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: reply.statusCode };
    requests.observe(labels, reply.elapsedTime / 1000);
    const level = request.method === 'GET' || request.method === 'HEAD' ? 'debug' : 'info';
    request.log[level]({ ...labels, ms: Math.round(reply.elapsedTime) }, 'answered');
  });
  return registry;
}
