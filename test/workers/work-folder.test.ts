import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { makeWorkFolder, type WorkFolder } from '../../workers/work-folder.ts';
import { makeFolder } from '../media/footage.ts';
import { waitFor } from '../support/wait-for.ts';

const log = createLogger({ level: 'silent', name: 'test' });
const longAgo = new Date(Date.now() - 3_600_000);
const open: WorkFolder[] = [];
let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(async () => {
  for (const one of open) await one.remove();
  await folder.remove();
});

async function make(
  parent: string,
  name: string,
  options: Parameters<typeof makeWorkFolder>[3] = {},
): Promise<WorkFolder> {
  const made = await makeWorkFolder(join(folder.path, parent), name, log, options);
  open.push(made);
  return made;
}

test('a worker leaves the folder of another that lives alone, as of another container on the same disk', async () => {
  const first = await make('living', 'a');
  await writeFile(join(first.path, 'sources.mp4'), 'x');
  const second = await make('living', 'b');
  expect(await readdir(join(folder.path, 'living'))).toEqual(['a', 'b']);
  expect(await readdir(first.path)).toEqual(['sources.mp4']);
  await second.remove();
  expect(await readdir(join(folder.path, 'living'))).toEqual(['a']);
});

test('what killed workers have left goes at a start, and while others live', async () => {
  const parent = join(folder.path, 'killed');
  const dead = async (name: string): Promise<void> => {
    await mkdir(join(parent, name), { recursive: true });
    await writeFile(join(parent, name, 'sources.mp4'), 'x');
    await utimes(join(parent, name), longAgo, longAgo);
  };
  await dead('1234');
  const asked: string[] = [];
  const removed: string[] = [];
  const onRemoved = async (name: string): Promise<void> => {
    expect(await readdir(parent)).not.toContain(name);
    asked.push(name);
    // As of a database that is away just then: it is told again.
    if (asked.length === 1) throw new Error('not now');
    removed.push(name);
  };
  await make('killed', 'own', { everyMs: 20, onRemoved });
  expect(await readdir(parent)).toEqual(['own']);
  await dead('5678');
  await waitFor('it is gone, and told', async () => removed.length === 2);
  expect(removed).toEqual(['1234', '5678']);
  expect(asked).toEqual(['1234', ...removed]);
});

test('a worker that lives touches its folder, though nothing moves in it', async () => {
  const { path } = await make('touched', 'own', { everyMs: 20 });
  await utimes(path, longAgo, longAgo);
  await waitFor('it is touched', async () => (await stat(path)).mtimeMs > longAgo.getTime() + 60_000);
});

test('a living worker whose folder another took for dead, as after a clock was set, has it again', async () => {
  const own = await make('taken', 'own', { everyMs: 20 });
  await rm(own.path, { recursive: true });
  await waitFor('it is there again', async () => (await readdir(join(folder.path, 'taken'))).includes('own'));
  await own.remove();
  expect(await readdir(join(folder.path, 'taken'))).toEqual([]);
});
