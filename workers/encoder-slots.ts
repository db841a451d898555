import { availableParallelism } from 'node:os';
import type { Config, EncoderSetting } from '../config.ts';
import type { Calibration } from '../domain/capacity.ts';
import type { EncodersStatus, Rung } from '../media/encoders.ts';

/** How many encodes a worker takes on at once: what the encoder in use can do, which may be another one in a minute. */
export interface EncoderSlots {
  /** With the encoder that has the most of them. */
  most: number;
  /** As of the status that was looked at last. */
  now(): number;
  look(status: EncodersStatus): void;
}

/** One x264 job takes one core, and as much again goes to decoding, the store and Node. */
const coresPerSlot = 2;

/** What the cores allow. */
export function usualSlots(): number {
  return Math.max(1, Math.floor(availableParallelism() / coresPerSlot));
}

/**
 * Whether x264 only steps in for a GPU: then it never has more than the usual slots, whatever the operator gave the
 * GPU, since recorders may share its cores.
 */
function stepsIn(encoder: EncoderSetting): boolean {
  return encoder === 'auto' || encoder.some((kind) => kind !== 'x264');
}

/** What the x264 of a worker may do at once, also for jobs that leave a GPU in their midst. */
export function x264Slots(
  config: Pick<Config, 'encoder' | 'encoderSlots'>,
  calibrations: readonly Calibration[],
): number {
  const own = ownSlots(config, calibrations, { kind: 'x264', device: null });
  return stepsIn(config.encoder) ? Math.min(own, usualSlots()) : own;
}

/** @param status after the encoders were tried for the first time */
export function createEncoderSlots(
  config: Pick<Config, 'encoder' | 'encoderSlots'>,
  calibrations: readonly Calibration[],
  status: EncodersStatus,
): EncoderSlots {
  const slotsOf = ({ encoder }: Rung): number =>
    encoder.kind === 'x264' ? x264Slots(config, calibrations) : ownSlots(config, calibrations, encoder);
  let slots = 0;
  const look = ({ ladder, sessions }: EncodersStatus): void => {
    const best = ladder.find(({ state }) => state === 'up');
    if (best === undefined) slots = 0;
    // A job beyond what the driver gives would fetch its sources to be sent back, again and again.
    else slots = Math.min(slotsOf(best), best.encoder.kind === 'nvenc' ? (sessions.allowed ?? Infinity) : Infinity);
  };
  look(status);
  return { most: status.ladder.reduce((most, rung) => Math.max(most, slotsOf(rung)), 0), now: () => slots, look };
}

/** As the operator says, else as measured by `npm run calibrate`, else as the cores allow. */
function ownSlots(
  config: Pick<Config, 'encoderSlots'>,
  calibrations: readonly Calibration[],
  wanted: Rung['encoder'],
): number {
  const measured = calibrations.find(({ encoder }) => encoder.kind === wanted.kind && encoder.device === wanted.device);
  return config.encoderSlots ?? measured?.slots ?? usualSlots();
}
