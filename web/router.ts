import { signal } from '@preact/signals';

/** The page's address: the URL is the console's state. */
export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());

window.addEventListener('popstate', () => {
  place.value = here();
});

/** Goes to an address within the console. A jump is a step the Back button undoes; `replace` only keeps it current. */
export function navigate(to: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  place.value = here();
}

/** The address of the player for a camera, at a moment or, without one, at the latest footage. */
export function playAddress(cameraId: string, atMs?: number): string {
  const moment = atMs === undefined ? '' : `&t=${new Date(atMs).toISOString()}`;
  return `/play?cams=${encodeURIComponent(cameraId)}${moment}`;
}
