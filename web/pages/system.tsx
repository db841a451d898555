import type { StatusAnswer } from '../../api/schemas/service.ts';
import type { Encoders, SweepAnswer } from '../answers.ts';
import { shortTime } from '../format.ts';
import { serverNowMs } from '../clock.ts';
import { useLoaded } from '../loaded.ts';
import { LoadState } from '../parts/load-state.tsx';
import { EncoderPanel } from '../system/encoder-panel.tsx';
import { ProblemList } from '../system/problem-list.tsx';
import { ReconcilePanel } from '../system/reconcile-panel.tsx';
import { RecorderPanel } from '../system/recorder-panel.tsx';
import { SweepPanel } from '../system/sweep-panel.tsx';
import { words } from '../words/index.ts';

const statusEveryMs = 5_000;
const restEveryMs = 15_000;

/** `/system`, for operators: what is wrong now and since when, how full the machines are, and what deletes. */
export function SystemPage() {
  const w = words.value;
  const status = useLoaded<StatusAnswer>('/v1/status', statusEveryMs);
  const encoders = useLoaded<Encoders>('/v1/encoders', restEveryMs);
  const sweep = useLoaded<SweepAnswer>('/v1/retention/sweep', restEveryMs);
  return (
    <div class="page">
      <header class="page-title">
        <h1>{w.system}</h1>
        {status.value !== null && (
          <small class="muted">{w.asOfTime(shortTime(Date.parse(status.value.asOf), serverNowMs()))}</small>
        )}
      </header>
      <section class="panel card" aria-label={w.wrongNow}>
        <h2>{w.wrongNow}</h2>
        <LoadState of={status}>{(answer) => <ProblemList status={answer} />}</LoadState>
      </section>
      <section class="panel card" aria-label={w.recorders}>
        <h2>{w.recorders}</h2>
        <LoadState of={status}>{({ recorders }) => <RecorderPanel recorders={recorders} />}</LoadState>
      </section>
      <section class="panel card" aria-label={w.encoders}>
        <h2>{w.encoders}</h2>
        <LoadState of={encoders}>{(answer) => <EncoderPanel encoders={answer} />}</LoadState>
      </section>
      <section class="panel card" aria-label={w.sweep}>
        <h2>{w.sweep}</h2>
        <LoadState of={sweep}>{(answer) => <SweepPanel sweep={answer} onResumed={sweep.reload} />}</LoadState>
      </section>
      <ReconcilePanel />
    </div>
  );
}
