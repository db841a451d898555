import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { errorText } from '../errors.ts';
import { askAgain, keptFiles, whyNotAgain, type KeptFile } from '../recorder/kept-files.ts';
import { spoolHostId } from '../storage/spool.ts';

/**
 * `npm run spool -- list`: what was put aside in this host's spool, and why. `npm run spool -- retry [FILE...]`: has its
 * recorder judge and commit it again, all that can be or these files; it does so within seconds, or when it starts.
 */
async function run(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [command, ...files] = positionals;
  const dir = path.resolve(loadConfig().spool.dir);
  if ((await spoolHostId(dir)) === null) throw new Error(`there is no spool in ${dir}: is its disk mounted?`);
  const kept = (await keptFiles(dir)).filter((file) => file.path !== null);
  if (command === 'list' && files.length === 0) await list(kept);
  else if (command === 'retry') await retry(kept, files);
  else throw new Error('npm run spool -- list, or npm run spool -- retry [FILE...]');
}

async function list(kept: readonly KeptFile[]): Promise<void> {
  for (const file of kept) {
    const { cameraId, name, bytes, path: at, reasonPath } = file;
    const start = name === null ? '-' : new Date(name.startMs).toISOString();
    const length = name === null ? '-' : `${(name.durationMs / 1000).toFixed(1)} s`;
    const why = reasonPath === null ? 'no reason is noted' : (await readFile(reasonPath, 'utf8')).trim();
    print(`${cameraId}  ${start}  ${length}  ${bytes} bytes  ${at}`);
    print(`    ${why}${file.isAsked ? ' (waits for its recorder, to be judged again)' : ''}`);
  }
  print(`${kept.length} files`);
}

async function retry(kept: readonly KeptFile[], files: readonly string[]): Promise<void> {
  const wanted = new Set(files.map((file) => path.resolve(file)));
  const chosen = files.length === 0 ? kept : kept.filter(({ path: at }) => at !== null && wanted.has(at));
  if (chosen.length < wanted.size) throw new Error('not all of these files are in the list');
  let asked = 0;
  for (const file of chosen) {
    const why = whyNotAgain(file);
    if (why !== null) {
      print(`${file.path}: ${why}`);
      continue;
    }
    await askAgain(file);
    asked += 1;
  }
  print(`${asked} files are judged again, within seconds or when the recorder starts`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

run().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
