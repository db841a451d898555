import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { killPlaces } from './kill-places.ts';

/** What goes through each file's failpoints: a process is killed there by each of these. The recorder's are its own. */
const killedBy: Record<string, readonly (keyof typeof killPlaces)[]> = {
  'activities/certify-retention.ts': ['month'],
  'activities/certify.ts': ['month', 'purge', 'tenant'],
  'activities/clear-prefix.ts': ['purge'],
  'activities/collect-objects.ts': ['collect'],
  'activities/delete-footage.ts': ['sweep', 'purge'],
  'activities/delete-tenant.ts': ['tenant'],
  'activities/finish-run.ts': ['finish'],
  'activities/finish-window.ts': ['finish'],
  'activities/purge.ts': ['purge'],
  'activities/recatalogue.ts': ['reconcile'],
  'activities/reconcile-act.ts': ['reconcile'],
  'activities/sweep-turn.ts': ['sweep'],
};
const folders = 'activities api db domain media security storage temporal workers workflows'.split(' ');
const root = new URL('../../', import.meta.url);

/** The failpoints of each file that has some. */
async function failpointsByFile(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const folder of folders) {
    const names = await readdir(new URL(folder, root), { recursive: true });
    for (const file of names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`)) {
      const calls = [...(await readFile(new URL(file, root), 'utf8')).matchAll(/failpoint\)?\(\s*([^)\s]*)/gi)];
      if (calls.length > 0)
        found.set(
          file,
          calls.map(([, argument = '']) => argument),
        );
    }
  }
  return found;
}

test('each failpoint is one at which a process is killed', async () => {
  const found = await failpointsByFile();
  expect([...found.keys()].toSorted()).toEqual(Object.keys(killedBy));
  const notKilled = Object.entries(killedBy).flatMap(([file, kinds]) =>
    (found.get(file) ?? []).flatMap((name) =>
      kinds
        .filter((kind) => !killPlaces[kind].some((place) => name === `'${place}'`))
        .map((kind) => [file, name, kind]),
    ),
  );
  expect(notKilled).toEqual([]);
});
