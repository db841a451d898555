import { addEncoderStep, type EncoderStep as StepRow } from '../db/encoder-steps.ts';
import type { Db } from '../db/sql.ts';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { CeilingChange } from '../media/encoder-sessions.ts';
import type { EncoderStep } from '../media/encoders.ts';

/**
 * What `createEncoders` tells of, into the log and the catalogue. One that cannot be written is logged, and no job
 * waits for it.
 */
export function createStepNotes(deps: { db: Db; log: Logger; host: string }): {
  onStep: (step: EncoderStep) => void;
  onCeiling: (change: CeilingChange) => void;
} {
  const { db, log, host } = deps;
  const note = (step: Omit<StepRow, 'host'>): void => {
    addEncoderStep(db, { host, ...step }).catch((error: unknown) =>
      log.warn({ cause: errorText(error) }, 'an encoder step was not noted'),
    );
  };
  return {
    onStep(step) {
      log.info({ host, ...step }, 'encoder ladder'); // a machine without a GPU is no fault
      const { kind, encoder, next, reason, atMs } = step;
      const isUp = kind === 'up';
      note({
        kind,
        atMs,
        reason,
        ceiling: null,
        fromKind: isUp ? null : encoder.kind,
        toKind: isUp ? encoder.kind : next,
      });
    },
    onCeiling(change) {
      log.info({ host, ...change }, 'encoding sessions');
      const { from, to, reason, atMs } = change;
      const kind = from !== null && to > from ? 'ceiling-risen' : 'ceiling-dropped';
      note({ kind, atMs, reason, ceiling: to, fromKind: 'nvenc', toKind: 'nvenc' });
    },
  };
}
