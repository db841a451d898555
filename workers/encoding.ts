import { hostname } from 'node:os';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { feedFinishJobs } from '../activities/feed-finish-jobs.ts';
import { createFinishActivities } from '../activities/finish-job.ts';
import { removeEncoder } from '../db/encoders.ts';
import { endCopiesOf, endOwnCopies } from '../db/finish-copies.ts';
import { parseTariff } from '../domain/tariff.ts';
import { errorText } from '../errors.ts';
import { readCalibrations } from '../media/calibration-file.ts';
import { createEncodeGate } from '../media/encode-gate.ts';
import { createEncoders } from '../media/encoders.ts';
import { dataConverter } from '../temporal/data-converter.ts';
import { spoolQueue, type FinishQueue } from '../workflows/messages.ts';
import { startReports } from './encoder-reports.ts';
import { createEncoderSlots, x264Slots } from './encoder-slots.ts';
import { createStepNotes } from './encoder-steps.ts';
import type { RoleContext, RunningRole, TemporalConnections } from './role.ts';
import { createRunningWorkers, createTogether } from './running-workers.ts';
import { watchSpool } from './watch-spool.ts';
import { makeWorkFolder } from './work-folder.ts';

/** Joins move bytes: four at a time keep a 1 Gbit/s line busy. */
const joinSlots = 4;
/** Jobs whose sources are fetched while all slots are busy. */
const jobsAhead = 1;
/** Jobs that end together are made up for by one look at the backlog. */
const feedAfterMs = 500;

/**
 * The role `encoder`: finish jobs, as many at once as this host has slots.
 * @throws where its folder cannot be made; nothing runs then, and it may be called again
 */
export async function startEncoding(context: RoleContext, workerId: string): Promise<RunningRole> {
  const { config, db, objects, log, now } = context;
  const host = hostname();
  // First, since it may fail: proving encoders takes seconds.
  const folder = await makeWorkFolder(join(config.dataDir, 'finish'), workerId, log, {
    onRemoved: (deadId) => endCopiesOf(db, deadId),
  });
  const stopping = new AbortController();
  const calibrations = await readCalibrations(config.dataDir).catch((error: unknown) => {
    log.warn({ cause: errorText(error) }, 'the calibration cannot be read; run it again');
    return [];
  });
  const encoders = createEncoders({
    ffmpeg: config.ffmpeg,
    wanted: config.encoder,
    x264Slots: x264Slots(config, calibrations),
    ...(config.encoderSessionDir === undefined ? {} : { hostFolder: config.encoderSessionDir }),
    now,
    ...createStepNotes({ db, log, host }),
  });
  const status = await encoders.status().catch(async (error: unknown) => {
    await folder.remove();
    throw error;
  });
  const slots = createEncoderSlots(config, calibrations, status);
  const running: Record<FinishQueue, number> = { encode: 0, join: 0, spool: 0 };
  // With all encoders down one job goes on, to be told so and to wait in its queue.
  const gate = createEncodeGate(() => Math.max(1, slots.now()));

  const feed = createFeeder(context, stopping.signal);
  const activities = createFinishActivities({
    db,
    objects,
    now,
    encode: (job, onStart) =>
      gate.run(
        () => {
          onStart();
          return encoders.encode(job);
        },
        { signal: job.signal ?? stopping.signal, onWaiting: () => job.onProgress?.(0) },
      ),
    failpoint: context.failpoint,
    spoolDir: config.spool.dir,
    workDir: folder.path,
    host,
    workerId,
    log,
    stopping: stopping.signal,
    onEnd: feed,
    running,
  });
  const createWorker = ({ connection }: TemporalConnections, taskQueue: string, jobs: number): Promise<Worker> =>
    Worker.create({
      connection,
      namespace: config.temporal.namespace,
      taskQueue,
      dataConverter,
      activities,
      maxConcurrentActivityTaskExecutions: jobs,
      maxConcurrentActivityTaskPolls: 2,
      shutdownGraceTime: '5s',
      // The default throttle, 16 s of the 20 s timeout, leaves no room for a slow answer.
      maxHeartbeatThrottleInterval: '8s',
    });
  const workers = createRunningWorkers(context, (temporal) =>
    createTogether([
      createWorker(temporal, 'join', joinSlots),
      ...(slots.most > 0 ? [createWorker(temporal, 'encode', slots.most + jobsAhead)] : []),
    ]),
  );
  const spool = watchSpool(config.spool.dir, stopping.signal);
  const spoolWorkers =
    slots.most === 0
      ? null
      : createRunningWorkers(context, async (temporal) => {
          const hostId = await spool.appears;
          return hostId === null ? [] : [await createWorker(temporal, spoolQueue(hostId), slots.most + jobsAhead)];
        });
  const report = startReports(context, {
    encoders,
    workerId,
    host,
    slots,
    joinSlots,
    joinUsed: () => running.join,
    spoolHostId: spool.hostId,
  });
  log.info({ host, slots: slots.now(), most: slots.most }, 'encoder started');
  feed();

  async function stop(): Promise<void> {
    stopping.abort();
    report.stop();
    await Promise.all([workers.stop(), spoolWorkers?.stop()]);
    await folder.remove();
    await endOwnCopies(db, workerId).catch((error: unknown) =>
      log.warn({ cause: errorText(error) }, 'that the copies of this encoder are gone was not noted'),
    );
    await removeEncoder(db, workerId, now()).catch((error: unknown) =>
      log.warn({ cause: errorText(error) }, 'this encoder is counted until it is not seen any more'),
    );
  }
  return { drain: stop, stop };
}

/** Feeds again when jobs have ended here, so that queues of short jobs do not run dry between two schedules. */
function createFeeder(context: RoleContext, stopping: AbortSignal): () => void {
  const { db, log, now, config } = context;
  const cheapTariff = config.cheapTariff === undefined ? null : parseTariff(config.cheapTariff);
  let timer: NodeJS.Timeout | null = null;
  return () => {
    if (stopping.aborted) return;
    timer ??= setTimeout(() => {
      timer = null;
      context.temporal
        .then(({ client }) => feedFinishJobs({ db, client, cheapTariff, log, now }))
        .catch((error: unknown) => log.warn({ cause: errorText(error) }, 'not fed, the schedule does it'));
    }, feedAfterMs).unref();
  };
}
