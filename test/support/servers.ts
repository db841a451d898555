import { inject } from 'vitest';
import type { TestServers } from './global-setup.ts';

/** Where one of the run's servers is, or what is made once a run; it comes to be when the first test asks for it. */
export async function testServer<Name extends keyof TestServers>(name: Name): Promise<TestServers[Name]> {
  const answer = await fetch(`${inject('serversUrl')}/${name}`);
  if (!answer.ok) throw new Error(`${name} did not start: ${await answer.text()}`);
  return (await answer.json()) as TestServers[Name];
}
