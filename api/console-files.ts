import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Paths that are never a page: what is unknown below them is a problem document. */
const notPages = /^\/(v1|m|docs|assets|\.well-known|healthz|readyz|metrics|openapi\.json)(\/|$)/;

/** Serves the built console's files. All of them are public: they hold no data, and the login page is among them. */
export async function registerConsoleFiles(app: FastifyInstance, webDir: string): Promise<void> {
  app.get('/', { config: { public: true }, schema: { hide: true } }, (_request, reply) => sendPage(reply, webDir));
  if (!existsSync(webDir)) return;
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, public: true };
      route.schema = { ...route.schema, hide: true };
    });
    await scope.register(fastifyStatic, {
      root: webDir,
      index: false,
      cacheControl: false,
      setHeaders: (reply, path) => {
        // Names below assets/ carry a hash of their content.
        const forever = path.includes(`${sep}assets${sep}`);
        void reply.header('cache-control', forever ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  });
}

function acceptsHtml(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') === true;
}

/** Whether a browser asks for one of the console's pages, whose paths only the console knows. */
export function wantsPage(request: FastifyRequest): boolean {
  const path = request.url.split('?', 1)[0] ?? '';
  return (request.method === 'GET' || request.method === 'HEAD') && acceptsHtml(request) && !notPages.test(path);
}

/** Whether a person who is not logged in has opened the API's pages: they get the login and are back afterwards. */
export function wantsDocs(request: FastifyRequest): boolean {
  return request.method === 'GET' && /^\/docs(\/|\?|$)/.test(request.url) && acceptsHtml(request);
}

/** Sends the page that all the console's paths share; without a build it says in a sentence what to do. */
export async function sendPage(reply: FastifyReply, webDir: string): Promise<FastifyReply> {
  const index = join(webDir, 'index.html');
  if (!existsSync(index)) {
    const text = 'The console is not built. Run `npm run build`, or use the REST API: its pages are at /docs.\n';
    return reply.code(503).type('text/plain; charset=utf-8').send(text);
  }
  return reply
    .code(200)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-cache')
    .send(await readFile(index));
}
