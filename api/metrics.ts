import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { finishQueues, liveEncoders } from '../db/encoders.ts';
import { countCamerasByState } from '../db/service-status.ts';
import type { Db } from '../db/sql.ts';
import type { Api } from './dependencies.ts';
import { registerReliabilityMetrics } from './reliability-metrics.ts';

/** Metrics of this process and of the cameras; a registry a server, so that a test can make many. */
export function createMetrics(app: Api, db: Db, now: () => number): Registry {
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
  registerFinishGauges(registry, db);
  registerReliabilityMetrics(registry, db, now);

  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: reply.statusCode };
    requests.observe(labels, reply.elapsedTime / 1000);
    const level = request.method === 'GET' || request.method === 'HEAD' ? 'debug' : 'info';
    request.log[level]({ ...labels, ms: Math.round(reply.elapsedTime) }, 'answered');
  });
  return registry;
}

/** Encoders and their backlog. */
function registerFinishGauges(registry: Registry, db: Db): void {
  const gauge = (name: string, help: string, labels: string[], read: (gauge: Gauge) => Promise<void>): void => {
    const made: Gauge = new Gauge({
      name: `framekeep_${name}`,
      help,
      labelNames: labels,
      registers: [registry],
      async collect() {
        this.reset();
        await read(made);
      },
    });
  };
  gauge('encoder_slots', 'Slots of living encoder workers, by use.', ['host', 'kind', 'use'], async (slots) => {
    for (const { host, kind, slots: all, used } of await liveEncoders(db, Date.now())) {
      slots.inc({ host, kind, use: 'used' }, used);
      slots.inc({ host, kind, use: 'free' }, Math.max(0, all - used));
    }
  });
  gauge('finish_windows', 'Windows that are not finished, by class and state.', ['tier', 'state'], async (windows) => {
    for (const { tier, waiting, started, parked } of await finishQueues(db, Date.now())) {
      windows.set({ tier, state: 'waiting' }, waiting);
      windows.set({ tier, state: 'started' }, started);
      windows.set({ tier, state: 'parked' }, parked);
    }
  });
  gauge(
    'finish_queue_age_seconds',
    'How long ago the oldest unfinished window ended, by class.',
    ['tier'],
    async (age) => {
      const nowMs = Date.now();
      for (const { tier, oldestEndMs } of await finishQueues(db, nowMs)) {
        age.set({ tier }, oldestEndMs === null ? 0 : Math.max(0, (nowMs - oldestEndMs) / 1000));
      }
    },
  );
}
