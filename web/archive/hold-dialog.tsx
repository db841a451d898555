import { useState } from 'preact/hooks';
import type { PlacedHold } from '../answers.ts';
import { call } from '../api.ts';
import { serverNow } from '../clock.ts';
import type { Camera } from '../fleet.ts';
import { duration, zoneName } from '../format.ts';
import { localFields, momentOf } from '../local-time.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { Choice, Field } from '../parts/field.tsx';
import { MomentFields } from '../parts/moment-fields.tsx';
import { toast } from '../parts/toast.tsx';
import { words } from '../words/index.ts';

interface HoldDialogProps {
  camera: Camera;
  /** Ms since 1970; without it, the last hour. */
  range?: { fromMs: number; toMs: number };
  onPlaced: () => void;
  onClose: () => void;
}

const hourMs = 3_600_000;
const monthMs = 30 * 24 * hourMs;

interface Errors {
  range?: string;
  reason?: string;
  until?: string;
}

/** Keeps a range of footage from being deleted, with a reason and, if wanted, an end. */
export function HoldDialog({ camera, range, onPlaced, onClose }: HoldDialogProps) {
  const w = words.value;
  const now = serverNow();
  const [from, setFrom] = useState(localFields(range?.fromMs ?? now - hourMs));
  const [to, setTo] = useState(localFields(range?.toMs ?? now));
  const [reason, setReason] = useState('');
  const [ends, setEnds] = useState<'never' | 'at'>('never');
  const [until, setUntil] = useState(localFields(now + 3 * monthMs));
  const [errors, setErrors] = useState<Errors>({});
  const submit = async () => {
    // Where an hour is repeated a hold keeps both: rather too much than too little.
    const [fromMs, toMs] = [momentOf(from, 'earlier'), momentOf(to, 'later')];
    const untilMs = ends === 'at' ? momentOf(until, 'later') : null;
    const found: Errors = {
      ...((fromMs === null || toMs === null) && { range: w.timeMissing }),
      ...(fromMs !== null && toMs !== null && fromMs >= toMs && { range: w.holdOrder }),
      ...(reason.trim() === '' && { reason: w.required }),
      ...(ends === 'at' && untilMs === null && { until: w.timeMissing }),
      ...(untilMs !== null && untilMs <= serverNow() && { until: w.holdEndPast }),
    };
    setErrors(found);
    if (fromMs === null || toMs === null || Object.keys(found).length > 0) return null;
    const answer = await call<PlacedHold>('POST', '/v1/holds', {
      body: {
        cameraId: camera.id,
        from: new Date(fromMs).toISOString(),
        to: new Date(toMs).toISOString(),
        reason: reason.trim(),
        until: untilMs === null ? null : new Date(untilMs).toISOString(),
      },
    });
    if (answer.kind !== 'ok') return answer;
    const lateMs = answer.value.beingDeleted.minutes * 60_000;
    toast(lateMs === 0 ? w.holdPlaced : w.holdTooLate(duration(lateMs)));
    onPlaced();
    return answer;
  };
  return (
    <FormDialog
      title={w.holdTitle(camera.name)}
      submitLabel={w.holdConfirm}
      onClose={onClose}
      submit={submit}
      shownByField={() => false}
    >
      <p class="muted">{w.holdText}</p>
      <MomentFields date={w.fromDate} time={w.fromTime} value={from} onValue={setFrom} hint={w.yourZone(zoneName())} />
      <MomentFields date={w.toDate} time={w.toTime} value={to} onValue={setTo} error={errors.range} />
      <Field
        label={w.reason}
        value={reason}
        onValue={setReason}
        hint={w.holdReasonHint}
        error={errors.reason}
        maxLength={1000}
        focusFirst
      />
      <Choice
        label={w.holdEnd}
        value={ends}
        onValue={setEnds}
        options={[
          { value: 'never', label: w.holdEndNever },
          { value: 'at', label: w.holdEndAt },
        ]}
      />
      {ends === 'at' && (
        <MomentFields date={w.untilDate} time={w.untilTime} value={until} onValue={setUntil} error={errors.until} />
      )}
    </FormDialog>
  );
}
