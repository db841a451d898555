import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { sourceMaps } from '../support/framekeep.ts';
import { testProgramsDir } from '../support/test-programs.ts';
import { environmentOf, type Site } from './host.ts';

interface RecorderProcess {
  child: ChildProcess;
  /** The signal that ended it, or its exit code. */
  exited: Promise<string | number>;
}

/**
 * Starts a recorder of a site in a process of its own, with the spool of that name.
 * @param options.cameraIds what it records besides what its journal says
 * @param options.logPath where its log from `info` on goes; default nowhere
 * @param options.killAt `<failpoint>:<n>`: it ends itself by SIGKILL when it comes there for the nth time
 * @param options.isWorkers the real worker program with the role `recorder`, rather than a recorder alone
 * @param options.settings further settings, as of the environment
 */
export function startProcess(
  site: Site,
  name: string,
  options: {
    cameraIds?: readonly string[];
    killAt?: string;
    isWorkers?: boolean;
    segmentSeconds?: number;
    logPath?: string;
    settings?: Record<string, string>;
  } = {},
): RecorderProcess {
  const { cameraIds = [], killAt, segmentSeconds, logPath, isWorkers = false, settings } = options;
  const program = isWorkers ? 'dist/workers.js' : join(testProgramsDir, 'recorder-process.js');
  const child = spawn(process.execPath, [...sourceMaps, program, ...cameraIds], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...environmentOf({ ...site, name, databaseUrl: site.database.url }),
      FRAMEKEEP_TEMPORAL_ADDRESS: '127.0.0.1:1',
      ...(segmentSeconds === undefined ? {} : { FRAMEKEEP_SEGMENT_SECONDS: String(segmentSeconds) }),
      ...(logPath === undefined ? {} : { RECORDER_LOG_LEVEL: 'info' }),
      ...(isWorkers ? { FRAMEKEEP_ROLES: 'recorder' } : {}),
      ...(killAt === undefined ? {} : { FRAMEKEEP_FAILPOINT: killAt }),
      ...settings,
    },
    stdio: ['ignore', logPath === undefined ? 'ignore' : openSync(logPath, 'w'), 'inherit'],
  });
  return { child, exited: once(child, 'exit').then(([code, signal]) => (code ?? signal) as string | number) };
}
