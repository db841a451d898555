import { useState } from 'preact/hooks';
import { daysOfMonths, mostRetentionDays } from '../../domain/retention.ts';
import type { RetentionAnswer, RetentionPreview, Shortening } from '../answers.ts';
import { call } from '../api.ts';
import type { Camera } from '../fleet.ts';
import { bytes, dateTime, duration } from '../format.ts';
import { useLoaded } from '../loaded.ts';
import { Button } from '../parts/button.tsx';
import { FormDialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { problemText } from '../parts/problem-note.tsx';
import { toast } from '../parts/toast.tsx';
import { words } from '../words/index.ts';

const minuteMs = 60_000;
const offeredMonths = [1, 2, 3, 6, 12];

/** How long a camera's footage is kept, a change of it with what it would delete, and what goes in the next days. */
export function RetentionPanel({ camera }: { camera: Camera }) {
  const w = words.value;
  const path = `/v1/cameras/${camera.id}/retention`;
  const kept = useLoaded<RetentionAnswer>(path);
  const due = useLoaded<RetentionPreview>(`/v1/retention/preview?days=7&cameraId=${camera.id}`);
  const [changing, setChanging] = useState(false);
  const undo = async () => {
    const answer = await call('DELETE', `${path}/next`);
    toast(answer.kind === 'problem' ? problemText(answer.problem) : w.undone);
    kept.reload();
    due.reload();
  };
  return (
    <section class="panel card">
      <LoadState of={kept}>
        {({ days, keptFrom, frozen, frozenUntil, next }) => (
          <>
            <dl class="facts">
              <dt>{w.keptFor}</dt>
              <dd>
                <strong>{w.days(days)}</strong>
              </dd>
              <dt>{w.keptFrom}</dt>
              <dd>{dateTime(Date.parse(keptFrom))}</dd>
            </dl>
            {frozen && (
              <p class="muted">{frozenUntil === null ? w.frozen : w.frozenUntil(dateTime(Date.parse(frozenUntil)))}</p>
            )}
            {next !== null && (
              <div class="notice" role="status">
                <p>
                  <strong>{w.shorteningTo(w.days(next.days))}</strong>
                  <br />
                  {w.takesEffect(dateTime(Date.parse(next.effectiveAt)))}
                </p>
                <Button onClick={() => void undo()}>{w.undo}</Button>
              </div>
            )}
            <Button onClick={() => setChanging(true)}>{w.changeRetention}</Button>
            {changing && (
              <RetentionDialog
                path={path}
                name={camera.name}
                days={days}
                onClose={() => setChanging(false)}
                onChanged={() => {
                  kept.reload();
                  due.reload();
                }}
              />
            )}
          </>
        )}
      </LoadState>
      <h2>{w.goesSoon}</h2>
      <LoadState of={due}>
        {({ minutes, bytes: count }) => (
          <p>{minutes === 0 ? w.nothingGoes : w.amount(duration(minutes * minuteMs), bytes(count))}</p>
        )}
      </LoadState>
    </section>
  );
}

interface RetentionDialogProps {
  path: string;
  name: string;
  days: number;
  onClose: () => void;
  onChanged: () => void;
}

function RetentionDialog({ path, name, days, onClose, onChanged }: RetentionDialogProps) {
  const w = words.value;
  const [text, setText] = useState(String(days));
  const [error, setError] = useState<string | undefined>(undefined);
  const wanted = /^\d{1,3}$/.test(text.trim()) ? Number(text) : 0;
  const valid = wanted >= 1 && wanted <= mostRetentionDays;
  const preview = useLoaded<Shortening>(valid && wanted < days ? `${path}/preview?days=${wanted}` : null);
  const submit = async () => {
    setError(valid ? undefined : w.daysBetween(mostRetentionDays));
    if (!valid) return null;
    const answer = await call<RetentionAnswer>('PUT', path, { body: { days: wanted } });
    if (answer.kind === 'ok') {
      toast(answer.value.next === null ? w.retentionChanged(w.days(wanted)) : w.shorteningPlanned);
      onChanged();
    }
    return answer;
  };
  return (
    <FormDialog
      title={w.retentionTitle(name)}
      submitLabel={wanted < days ? w.shorten : w.save}
      danger={valid && wanted < days}
      onClose={onClose}
      submit={submit}
      shownByField={() => false}
    >
      <Field
        label={w.keptDays}
        value={text}
        onValue={setText}
        hint={w.monthsAre}
        error={error}
        focusFirst
        selectOnFocus
      />
      <div class="choices" role="group" aria-label={w.months}>
        {offeredMonths.map((months) => (
          <Button
            key={months}
            aria-pressed={wanted === daysOfMonths(months)}
            onClick={() => setText(String(daysOfMonths(months)))}
          >
            {w.monthCount(months)}
          </Button>
        ))}
      </div>
      {valid && wanted > days && <p>{w.longerAtOnce}</p>}
      {valid && wanted < days && (
        <LoadState of={preview}>
          {({ deletes, effectiveAt }) => (
            <div class="notice bad" role="status">
              <p>
                <strong>
                  {deletes.minutes === 0
                    ? w.deletesNothing
                    : w.wouldDelete(duration(deletes.minutes * minuteMs), bytes(deletes.bytes))}
                </strong>
                <br />
                {w.undoUntil(dateTime(Date.parse(effectiveAt)))}
              </p>
            </div>
          )}
        </LoadState>
      )}
    </FormDialog>
  );
}
