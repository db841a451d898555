import { useState } from 'preact/hooks';
import type { SweepAnswer } from '../answers.ts';
import { call } from '../api.ts';
import { bytes, dateTime, duration } from '../format.ts';
import { Button } from '../parts/button.tsx';
import { FormDialog } from '../parts/dialog.tsx';
import { toast } from '../parts/toast.tsx';
import { words } from '../words/index.ts';

const minuteMs = 60_000;

interface SweepPanelProps {
  sweep: SweepAnswer;
  onResumed: () => void;
}

/** The sweep that deletes what is due; a stopped one can be let go on. */
export function SweepPanel({ sweep, onResumed }: SweepPanelProps) {
  const w = words.value;
  const [asking, setAsking] = useState(false);
  const { stopped, sweptAt, segments, bytes: count, refused } = sweep;
  return (
    <>
      {stopped !== null && (
        <div class="notice bad" role="alert">
          <p>
            <strong>{w.sweepStoppedBecause[stopped.reason]}</strong>
            <br />
            {stopped.text}
            <br />
            {w.sweepWaits(duration(stopped.minutes * minuteMs), dateTime(Date.parse(stopped.at)))}
          </p>
          <Button kind="danger" onClick={() => setAsking(true)}>
            {w.resumeSweep}
          </Button>
        </div>
      )}
      <dl class="facts">
        <dt>{w.lastSweep}</dt>
        <dd>{sweptAt === null ? w.neverSwept : dateTime(Date.parse(sweptAt))}</dd>
        <dt>{w.deletedThen}</dt>
        <dd>{w.segmentsOf(segments, bytes(count))}</dd>
        {refused > 0 && <dt>{w.refusedObjects}</dt>}
        {refused > 0 && <dd class="bad">{refused}</dd>}
        {sweep.forecast.map(({ by, minutes }) => [
          <dt key={by}>{w.dueBy(dateTime(Date.parse(by)))}</dt>,
          <dd key={`${by} amount`}>{duration(minutes * minuteMs)}</dd>,
        ])}
      </dl>
      {asking && stopped !== null && (
        <FormDialog
          title={w.resumeSweepTitle}
          submitLabel={w.resumeSweep}
          danger
          onClose={() => setAsking(false)}
          shownByField={() => false}
          submit={async () => {
            const answer = await call('POST', '/v1/retention/sweep/resume');
            if (answer.kind === 'ok') {
              toast(w.sweepResumed);
              onResumed();
            }
            return answer;
          }}
        >
          <p>{w.resumeSweepText(duration(stopped.minutes * minuteMs))}</p>
          <p class="muted">{w.lookAtClocks}</p>
        </FormDialog>
      )}
    </>
  );
}
