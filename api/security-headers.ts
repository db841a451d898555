import type { FastifyInstance } from 'fastify';

/** hls.js plays from blob: URLs and runs its demuxer in a worker made from one. */
const policy = [
  `default-src 'self'`,
  `script-src 'self'`,
  `media-src 'self' blob:`,
  `worker-src 'self' blob:`,
  `img-src 'self' data: blob:`,
  `object-src 'none'`,
  `base-uri 'none'`,
  `form-action 'self'`,
  `frame-ancestors 'none'`,
];
/** Swagger UI sets style attributes in the HTML that it makes. */
const docsPolicy = [...policy, `style-src 'self' 'unsafe-inline'`].join('; ');
const consolePolicy = [...policy, `style-src 'self'`].join('; ');

/** Headers that every answer carries. */
export function registerSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const docs = request.routeOptions.url?.startsWith('/docs') === true;
    void reply.headers({
      'content-security-policy': docs ? docsPolicy : consolePolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-request-id': request.id,
    });
  });
  // Answers of the API are about now; media and the console's files set their own.
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
  });
}
