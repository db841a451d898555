import { finishWindow } from '../../activities/finish-window.ts';
import { createPool } from '../../db/sql.ts';
import { createEncoders, type EncodeJob } from '../../media/encoders.ts';
import { createObjects, type ObjectsOptions } from '../../storage/objects.ts';
import type { FinishJob } from '../../workflows/messages.ts';
import { ffmpeg } from '../media/footage.ts';
import { dieStanding, givenWork } from '../support/killed-process.ts';

export interface FinishProcess {
  databaseUrl: string;
  s3: ObjectsOptions;
  hostFolder: string;
  workDir: string;
  spoolDir: string;
  work: (FinishJob & { killAt: string })[];
}

// Finish jobs in a process of its own, to be killed.
const { databaseUrl, s3, hostFolder, workDir, spoolDir, work } = givenWork<FinishProcess>();
const encoders = createEncoders({ ffmpeg, wanted: ['x264'], hostFolder });
const deps = {
  db: createPool(databaseUrl, { max: 3, applicationName: 'finish-process' }),
  objects: createObjects(s3),
  now: Date.now,
  encode: (job: EncodeJob) => encoders.encode(job),
  signal: new AbortController().signal,
  onProgress: () => undefined,
  spoolDir,
  workDir,
};
await dieStanding(work, (job, failpoint) => finishWindow({ ...deps, failpoint }, job));
