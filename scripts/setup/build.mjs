// What is built: the programs each time, the console and the workflow bundle only when their sources have changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildPrograms } from './programs.mjs';
import { run, SetupProblem, step } from './progress.mjs';
import { projectDir } from './tools.mjs';

/** What each build makes, from what, and how. Sources may name more than needed: that costs a build, never a stale one. */
const builds = [
  {
    title: 'console',
    output: 'dist/web/index.html',
    stamp: 'dist/.web-sources',
    sources: ['web', 'domain', 'api/schemas', 'vite.config.ts', 'package-lock.json'],
    args: ['node_modules/vite/bin/vite.js', 'build', '--logLevel=warn'],
  },
  {
    title: 'workflow bundle',
    output: 'dist/workflows.js',
    stamp: 'dist/.workflows-sources',
    sources: [
      'workflows',
      'domain',
      'temporal',
      'workers/bundle.ts',
      'workers/workflow-bundle-path.ts',
      'package-lock.json',
    ],
    args: ['--import', 'tsx', 'workers/bundle.ts'],
  },
];

/** Builds what is not built from the sources as they are now. */
export async function buildWhatChanged() {
  await buildPrograms(); // a fifth of a second
  for (const build of builds) {
    const hash = hashOf(build.sources);
    const stamp = join(projectDir, build.stamp);
    const made = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
    if (made === hash && existsSync(join(projectDir, build.output))) continue;
    await step(build.title, async () => {
      const { code, tail } = await run(process.execPath, build.args, { cwd: projectDir });
      if (code !== 0 || !existsSync(join(projectDir, build.output))) {
        throw new SetupProblem(`The ${build.title} could not be built: \`npm run build\` says why.\n${tail}`);
      }
      mkdirSync(dirname(stamp), { recursive: true });
      writeFileSync(stamp, hash);
    });
  }
}

function hashOf(sources) {
  const hash = createHash('sha256');
  for (const path of sources.flatMap(filesIn))
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(projectDir, path)))
      .update('\0');
  return hash.digest('hex');
}

function filesIn(path) {
  const full = join(projectDir, path);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [path];
  return readdirSync(full)
    .toSorted()
    .flatMap((name) => filesIn(join(path, name)));
}
