import type { Config } from '../config.ts';
import { isRecordedByOlder, leaseOf } from '../db/leases.ts';
import type { Pool } from '../db/sql.ts';
import type { backoffMs } from '../domain/retry.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createAddressPolicy, type AddressPolicy } from '../security/address-policy.ts';
import { ownAddresses } from '../security/own-addresses.ts';
import { cameraUrlAad, substreamUrlAad, type createSealer } from '../security/seal.ts';
import { createBackgroundWrites } from './background-writes.ts';
import { catalogueWord } from './catalogue-word.ts';
import { openDialer } from './dialer/dialer.ts';
import type { GapClaims } from './gap-claims.ts';
import type { HoleReasons } from './hole-reasons.ts';
import type { Assignment, Journal } from './journal.ts';
import { startRecording } from './recording.ts';
import type { Entry, StartOptions } from './registry.ts';
import type { RecorderDeps } from './recorder-contract.ts';
import type { SalvageDeps } from './salvage.ts';
import type { SpoolGuard } from './spool-guard.ts';
import type { WriteQueue } from './write-queue.ts';

/** Where cameras may be: nowhere near our own services. */
export async function networksOf(
  config: RecorderDeps['config'],
  services: RecorderDeps['services'],
  log: Logger,
): Promise<AddressPolicy> {
  const { databaseUrl, s3, temporalAddress } = services;
  const own = [databaseUrl, s3.endpoint, temporalAddress, `${config.host}:${config.port}`];
  return createAddressPolicy({ allowed: config.cameraNetworks, ownAddresses: await ownAddresses(own, log) });
}

/** Starts the recordings of a process: each gets what is its own from what all share. */
export function createStarter(
  deps: SalvageDeps & {
    config: Pick<Config, 'ffmpeg' | 'ffprobe' | 'segmentSeconds' | 'cameraMaxKbps'>;
    db: Pool;
    queue: WriteQueue;
    journal: Journal;
    guard: SpoolGuard;
    sealer: ReturnType<typeof createSealer>;
    networks: AddressPolicy;
    holes: HoleReasons;
    claimsOf: (cameraId: string, epoch: () => number) => GapClaims;
    backoffMs: typeof backoffMs;
    now: () => number;
  },
): (assignment: Assignment, options: StartOptions) => Entry {
  const { config, sealer, networks, log } = deps;
  return (assignment, options) => {
    const { cameraId } = assignment;
    const claims = deps.claimsOf(cameraId, () => assignment.epoch);
    if (options.takenOver !== undefined) deps.holes.takenOver(cameraId, assignment.epoch, options.takenOver);
    const recording = startRecording(
      {
        ...deps,
        ffmpeg: config.ffmpeg,
        ffprobe: config.ffprobe,
        segmentSeconds: config.segmentSeconds,
        cameraMaxKbps: config.cameraMaxKbps,
        openDialer: async (stream = assignment.substream?.use === true ? 'substream' : 'main') => {
          const { sealedUrl, substream } = assignment;
          const url =
            stream === 'main' || substream === null
              ? sealer.unseal(sealedUrl, cameraUrlAad(cameraId))
              : sealer.unseal(substream.sealedUrl, substreamUrlAad(cameraId));
          return openDialer({ url, networks, log, now: deps.now });
        },
        claims,
        random: Math.random,
        refusal: () => deps.guard.refusal(assignment.tier),
        writes: createBackgroundWrites(deps.db, deps.queue, assignment),
        async isRecordedByOlder() {
          const lease = await catalogueWord(leaseOf(deps.db, cameraId), (error) =>
            log.debug({ cameraId, cause: errorText(error) }, 'the catalogue does not say who records'),
          );
          return lease === null || isRecordedByOlder(lease, assignment.epoch, deps.now());
        },
        journal() {
          deps.journal.update(assignment).catch((error: unknown) => {
            log.error({ cameraId, err: error }, 'the journal could not be written');
          });
        },
        onLeft: (run) => deps.onLeft(cameraId, run),
      },
      { assignment, ...options },
    );
    return { assignment, recording, claims };
  };
}
