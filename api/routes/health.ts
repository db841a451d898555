import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { Api } from '../dependencies.ts';
import type { PartHealth } from '../part-health.ts';
import { rawBody } from '../schemas/common.ts';
import { readySchema } from '../schemas/service.ts';

/** Whether the process lives, whether its parts answer, and its metrics. */
export function registerHealth(app: Api, deps: { health: PartHealth; metrics: Registry }): void {
  app.get(
    '/healthz',
    {
      config: { public: true },
      schema: {
        summary: 'Whether the process lives',
        operationId: 'health',
        tags: ['service'],
        security: [],
        response: { 200: z.object({ alive: z.literal(true) }) },
      },
    },
    async () => ({ alive: true as const }),
  );

  app.get(
    '/readyz',
    {
      config: { public: true },
      schema: {
        summary: 'Whether database, object storage and Temporal answer',
        operationId: 'readiness',
        tags: ['service'],
        security: [],
        response: { 200: readySchema, 503: readySchema },
      },
    },
    async (_request, reply) => {
      const parts = await deps.health.look();
      const ok = (name: string) => parts.some((part) => part.name === name && part.ok);
      const ready = parts.every((part) => part.ok);
      const answer = { ready, database: ok('database'), objects: ok('objects'), temporal: ok('temporal') };
      return reply.code(ready ? 200 : 503).send(answer);
    },
  );

  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Metrics for Prometheus',
        operationId: 'metrics',
        tags: ['service'],
        response: { 200: rawBody('Text', 'text/plain') },
      },
    },
    async (_request, reply) => {
      await reply.type(deps.metrics.contentType).send(await deps.metrics.metrics());
    },
  );
}
