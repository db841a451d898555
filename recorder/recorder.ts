import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, Services } from '../config.ts';
import { saveStream, setCameraState } from '../db/cameras.ts';
import { leasesOf, markRecording, type Lease } from '../db/leases.ts';
import { setDraining } from '../db/recorders.ts';
import type { Pool } from '../db/sql.ts';
import { gapToleranceMs } from '../domain/gaps.ts';
import type { GapReason } from '../domain/gap-reason.ts';
import { backoffMs } from '../domain/retry.ts';
import type { SanityLimits } from '../domain/segment.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createPortTokens } from '../security/port-token.ts';
import { cameraUrlAad, createSealer } from '../security/seal.ts';
import type { Objects } from '../storage/objects.ts';
import { openSpool, type SpoolUsage } from '../storage/spool.ts';
import { createCameraIds } from './camera-ids.ts';
import { commitFile, type CommitOutcome } from './commit.ts';
import { createCommitter, type Backlog, type CommitCounts } from './committer.ts';
import { createAddressPolicy } from './dialer/address-policy.ts';
import { openDialer } from './dialer/dialer.ts';
import { noFailpoint, type Failpoint } from './failpoint.ts';
import { createGapClaims, type GapClaims } from './gap-claims.ts';
import { openInternalPort, type InternalPort } from './internal-port.ts';
import { openJournal, type Assignment } from './journal.ts';
import { createLinger } from './linger.ts';
import { createPurgeOrders } from './purge-orders.ts';
import { ownAddresses } from './own-addresses.ts';
import { openRuns } from './open-runs.ts';
import { createQuarantine } from './quarantine.ts';
import { createRegistry } from './registry.ts';
import { startRecording, type Recording } from './recording.ts';
import type { ClosedFile } from './run-files.ts';
import { salvageCamera } from './salvage.ts';
import { createSignOfLife } from './sign-of-life.ts';
import { createSpoolGuard } from './spool-guard.ts';
import { createWatcher } from './watcher.ts';
import { createWriteQueue } from './write-queue.ts';

export type { Recording, RecordingEnd, RecordingProgress } from './recording.ts';

export interface RecorderDeps {
  config: Pick<
    Config,
    | 'host'
    | 'port'
    | 'spool'
    | 'recorder'
    | 'segmentSeconds'
    | 'windowSeconds'
    | 'cameraNetworks'
    | 'ffmpeg'
    | 'ffprobe'
  >;
  services: Pick<Services, 'secretKey' | 'databaseUrl' | 'temporalAddress' | 's3'>;
  db: Pool;
  objects: Objects;
  log: Logger;
  now: () => number;
  /** For tests. */
  backoffMs?: typeof backoffMs;
  failpoint?: Failpoint;
}

/** What a recorder does just now, for metrics and the console. */
export interface RecorderStats {
  recordings: number;
  slots: number;
  backlog: Backlog;
  commits: CommitCounts;
  spool: SpoolUsage | null;
  /** Writes that wait for the catalogue. */
  pendingWrites: number;
}

/** The process's recordings, its spool, and what brings the one into the catalogue by way of the other. */
export interface Recorder {
  /** This host's identity, from its spool. */
  readonly hostId: string;
  /** Salvages the spool and resumes what the journal names; neither Temporal nor Postgres need to be there. */
  start(): Promise<void>;
  /**
   * The recording of a camera, started if this process has none.
   * @param sessionId whom the lease names, e.g. a workflow run
   * @throws AppError not-found; unavailable when there is no free slot or the process is stopping
   */
  ensure(cameraId: string, sessionId: string | null): Promise<Recording>;
  get(cameraId: string): Recording | undefined;
  list(): Recording[];
  stats(): RecorderStats;
  /** Takes no new cameras; those it has go on until another host has their first frame. */
  drain(): Promise<void>;
  /** Ends all recordings in order, commits what it can within `flushMs`, and ends. */
  stop(): Promise<void>;
}

/** At SIGINT: a commit takes 0.1 s; what storage does not take by then stays in the spool for the next start. */
const flushMs = 20_000;
const writesFlushMs = 5000;
/** A resumed recording waits no longer than this for the catalogue's word. */
const catalogueWaitMs = 1000;
/** What is committed at the end of a handover waits this long and a segment for the new recording's first commit. */
const handoverHoldMs = 15_000;
/** Ten minutes, for GOPs are long where cameras save bits; catalogue rows are an hour at most. */
const longestSegmentMs = 600_000;

/**
 * Opens the spool and makes the recorder; it records nothing before `start`.
 * @throws Error when the spool cannot be used (its disk is missing)
 */
export async function createRecorder(deps: RecorderDeps): Promise<Recorder> {
  const { config, services, db, objects, log, now } = deps;
  const failpoint = deps.failpoint ?? noFailpoint;
  const spool = await openSpool({ dir: path.resolve(config.spool.dir), maxBytes: config.spool.maxBytes });
  const { hostId } = spool;
  const journal = openJournal(spool, log);
  const sealer = createSealer(services.secretKey);
  const networks = createAddressPolicy({
    allowed: config.cameraNetworks,
    ownAddresses: await ownAddresses(
      [services.databaseUrl, services.s3.endpoint, services.temporalAddress, `${config.host}:${config.port}`],
      log,
    ),
  });
  const limits: SanityLimits = { maxDurationMs: Math.max(longestSegmentMs, config.segmentSeconds * 3000) };
  const cameraIds = createCameraIds(db);
  const quarantine = createQuarantine(spool.dir);
  const queue = createWriteQueue({ log });
  /** Why footage is missing before the first new file of a resumed camera. */
  const awayReasons = new Map<string, GapReason>();

  const linger = createLinger({
    db,
    spool,
    objects,
    cameraIds,
    quarantine,
    lingerMs: config.spool.lingerSeconds * 1000,
    log,
    now,
  });
  const guard = createSpoolGuard({ spool, releaseLingering: () => linger.sweep(0), log });
  const hold = config.segmentSeconds * 1000 + handoverHoldMs;
  const windowMs = config.windowSeconds * 1000;
  const committer = createCommitter({
    commit: (file) =>
      commitFile(
        { db, objects, spool, cameraIds, quarantine, limits, handoverHoldMs: hold, windowMs, log, failpoint },
        file,
      ),
    onDone,
    log,
    now,
  });

  function claimsOf(cameraId: string, epoch: () => number): GapClaims {
    return createGapClaims({ db, queue, cameraId, hostId, epoch });
  }

  function onDone(file: ClosedFile, outcome: CommitOutcome): void {
    const { cameraId, name } = file;
    const claims = registry.entry(cameraId)?.claims ?? claimsOf(cameraId, () => name.epoch);
    if (outcome.kind === 'quarantined') claims.hole(name.startMs, name.startMs + name.durationMs, 'bad-stream');
    if (outcome.kind !== 'committed' || outcome.hole === null) return;
    const { startMs, endMs } = outcome.hole;
    if (endMs - startMs > gapToleranceMs) claims.hole(startMs, endMs, awayReasons.get(cameraId) ?? 'unknown');
  }

  const registry = createRegistry({
    db,
    journal,
    hostId,
    slots: config.recorder.slots,
    log,
    now,
    start(assignment, options) {
      const { cameraId } = assignment;
      const claims = claimsOf(cameraId, () => assignment.epoch);
      const recording = startRecording(
        {
          openDialer: async () =>
            openDialer({ url: sealer.unseal(assignment.sealedUrl, cameraUrlAad(cameraId)), networks, log }),
          ffmpeg: config.ffmpeg,
          ffprobe: config.ffprobe,
          segmentSeconds: config.segmentSeconds,
          spool,
          quarantine,
          limits,
          claims,
          log,
          now,
          random: Math.random,
          backoffMs: deps.backoffMs ?? backoffMs,
          failpoint,
          refusal: () => guard.refusal(assignment.tier),
          writeState(state, reason, atMs) {
            queue.add(
              cameraId,
              async () => {
                await setCameraState(db, cameraId, state, reason, atMs);
              },
              'state',
            );
          },
          markRecording(firstFrameMs) {
            queue.add(
              cameraId,
              async () => {
                await markRecording(db, cameraId, assignment.epoch, firstFrameMs);
              },
              'recording',
            );
          },
          saveStream(stream) {
            queue.add(cameraId, () => saveStream(db, cameraId, { ...stream, fps: stream.fps ?? 0 }), 'stream');
          },
          journal() {
            journal.write(assignment).catch((error: unknown) => {
              log.error({ cameraId, err: error }, 'the journal could not be written');
            });
          },
          onClosed: (file) => committer.add(file),
        },
        { assignment, ...options },
      );
      return { assignment, recording, claims };
    },
  });

  const watcher = createWatcher({
    db,
    cameraIds: () => registry.entries().map(({ assignment }) => assignment.cameraId),
    onLease: (lease) => registry.onLease(lease),
    log,
  });
  let port: InternalPort | null = null;
  const signOfLife = createSignOfLife({
    db,
    hostId,
    url: () => config.recorder.url ?? port?.url ?? '',
    slots: config.recorder.slots,
    used: () => registry.entries().length,
    now,
    log,
  });

  const purgeOrders = createPurgeOrders({
    db,
    spool,
    linger,
    isRecording: (cameraId) => registry.entry(cameraId) !== undefined,
    log,
    now,
  });

  /** The journalled cameras that are to go on; all of them while the catalogue is away. */
  async function resumable(): Promise<Assignment[]> {
    const assignments = await journal.read();
    if (assignments.length === 0) return [];
    const asked = leasesOf(
      db,
      assignments.map(({ cameraId }) => cameraId),
    ).catch((error: unknown) => {
      log.warn({ cause: errorText(error) }, 'the catalogue is away, the journal says what to record');
      return null;
    });
    const leases = await Promise.race([asked, sleep(catalogueWaitMs, null)]);
    if (leases === null) return assignments;
    const byId = new Map(leases.map((lease) => [lease.cameraId, lease]));
    const kept = assignments.filter((assignment) => isStillOurs(assignment, byId.get(assignment.cameraId)));
    const gone = assignments.filter((assignment) => !kept.includes(assignment));
    await Promise.all(gone.map(({ cameraId }) => journal.remove(cameraId)));
    return kept;
  }

  async function start(): Promise<void> {
    const { url } = config.recorder;
    port = await openInternalPort({
      spool,
      tokens: createPortTokens(services.secretKey),
      host: config.host,
      port: url === undefined ? 0 : Number(new URL(url).port || 80),
      log,
      now,
    });
    const runs = await openRuns(spool);
    const assignments = await resumable();
    const salvaging = new Map<string, Promise<number | null>>();
    const withFiles = [...(await spool.closedFiles()), ...(await spool.openFiles())].map(({ cameraId }) => cameraId);
    for (const cameraId of new Set([...runs.keys(), ...withFiles])) {
      const salvage = salvageCamera(
        { spool, quarantine, limits, onClosed: (file) => committer.add(file), log, failpoint },
        cameraId,
        runs.get(cameraId) ?? [],
      ).catch((error: unknown) => {
        log.error({ cameraId, err: error }, 'salvage failed; tried again at the next start');
        return null;
      });
      salvaging.set(cameraId, salvage);
    }
    for (const assignment of assignments) {
      const { cameraId } = assignment;
      const lastEndMs = salvaging.get(cameraId) ?? Promise.resolve(null);
      const reason = assignment.stoppedAtMs === null ? 'host-lost' : 'deploy';
      awayReasons.set(cameraId, reason);
      claimsOf(cameraId, () => assignment.epoch).opened(reason, lastEndMs);
      registry.resume(assignment, lastEndMs);
    }
    log.info({ hostId, resumed: assignments.length, salvaged: salvaging.size, port: port.url }, 'recorder started');
    watcher.start();
    signOfLife.start();
    guard.start();
    linger.start();
    purgeOrders.start();
  }

  async function stop(): Promise<void> {
    await watcher.stop();
    const stopped = registry.entries();
    await registry.stop();
    for (const { assignment, recording, claims } of stopped) {
      const { cameraId } = assignment;
      claims.opened('deploy', Promise.resolve(recording.progress().lastSegmentEndMs));
      queue.add(
        cameraId,
        async () => {
          await setCameraState(db, cameraId, 'reconnecting', 'deploy', now());
        },
        'state',
      );
    }
    if (!(await committer.flush(flushMs))) log.warn(committer.backlog(), 'uncommitted footage stays in the spool');
    await queue.flush(writesFlushMs);
    queue.stop();
    const parts = [committer, linger, guard, signOfLife, purgeOrders];
    await Promise.all([...parts.map((part) => part.stop()), port?.close()]);
  }

  return {
    hostId,
    start,
    ensure: (cameraId, sessionId) => registry.ensure(cameraId, sessionId),
    get: (cameraId) => registry.entry(cameraId)?.recording,
    list: () => registry.entries().map(({ recording }) => recording),
    stats: () => ({
      recordings: registry.entries().length,
      slots: config.recorder.slots,
      backlog: committer.backlog(),
      commits: committer.counts(),
      spool: guard.usage(),
      pendingWrites: queue.size(),
    }),
    async drain() {
      registry.close();
      await setDraining(db, hostId, true);
    },
    stop,
  };
}

/** A journalled camera that is unwanted now, or that a newer epoch records, is not taken up again. */
function isStillOurs(assignment: Assignment, lease: Lease | undefined): boolean {
  return lease !== undefined && lease.wanted && lease.recordingEpoch <= assignment.epoch;
}
