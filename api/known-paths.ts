import type { FastifyInstance } from 'fastify';

/**
 * Learns the paths that are registered after it.
 * @returns the methods that a path (without its query) has; empty for one that is not there
 */
export function learnPaths(app: FastifyInstance): (path: string) => string[] {
  const known = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    // A wildcard is no path: it says of every one that it may be there.
    if (url.includes('*')) return;
    const pattern = url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll('.', '\\.')));
    const entry = known.get(url) ?? { pattern: new RegExp(`^${pattern.join('/')}$`), methods: new Set() };
    for (const each of [method].flat()) entry.methods.add(each);
    known.set(url, entry);
  });
  return (path) => {
    const methods = [...known.values()].flatMap((entry) => (entry.pattern.test(path) ? [...entry.methods] : []));
    return [...new Set(methods)].toSorted();
  };
}
