import { signal } from '@preact/signals';
import { call, onSignedOut, type Answer } from './api.ts';

export interface Me {
  id: string;
  name: string;
}

/** Who is signed in: `undefined` while not known yet, `null` when nobody is. */
export const me = signal<Me | null | undefined>(undefined);

onSignedOut(() => {
  me.value = null;
});

/** Asks who the cookie stands for. A server that does not answer leaves it unknown. */
export async function loadSession(): Promise<Answer<Me>> {
  const answer = await call<Me>('GET', '/v1/me');
  if (answer.kind === 'ok') me.value = answer.value;
  return answer;
}

export async function signIn(login: string, password: string): Promise<Answer<unknown>> {
  const answer = await call('POST', '/v1/login', { body: { login, password } });
  if (answer.kind !== 'ok') return answer;
  // The API's own pages sent us here.
  if (location.pathname.startsWith('/docs')) location.reload();
  return loadSession();
}

export async function signOut(): Promise<void> {
  await call('POST', '/v1/logout');
  me.value = null;
}

export function changeOwnPassword(currentPassword: string, newPassword: string): Promise<Answer<unknown>> {
  return call('POST', '/v1/me/password', { body: { currentPassword, newPassword } });
}
