import type { Api } from '../../api/dependencies.ts';

export interface RegisteredRoute {
  method: string;
  /** As it was registered, with `:id`. */
  url: string;
}

/** Every route of a server, read from fastify's own picture of its tree: four characters a level. */
export function registeredRoutes(app: Api): RegisteredRoute[] {
  const found: RegisteredRoute[] = [];
  const path: string[] = [];
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const match = /^([│├└─\s]*)(.*?)(?: \(([A-Z, ]+)\))?$/u.exec(line);
    const level = (match?.[1]?.length ?? 0) / 4;
    path.splice(Math.max(0, level - 1), Infinity, match?.[2] ?? '');
    for (const method of match?.[3]?.split(', ') ?? []) found.push({ method, url: path.join('') });
  }
  return found;
}
