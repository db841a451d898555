import type { Reconcile } from '../answers.ts';
import { call } from '../api.ts';
import { bytes, dateTime } from '../format.ts';
import { useLoaded } from '../loaded.ts';
import { Button } from '../parts/button.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { problemText } from '../parts/problem-note.tsx';
import { Table } from '../parts/table.tsx';
import { toast } from '../parts/toast.tsx';
import { words } from '../words/index.ts';

const refreshMs = 15_000;
const shownPasses = 5;

/** Whether bucket and catalogue say the same, and what was read back. */
export function ReconcilePanel() {
  const w = words.value;
  const found = useLoaded<Reconcile>('/v1/reconcile', refreshMs);
  const act = async (path: string, done: string, body?: object) => {
    const answer = await call('POST', path, { body });
    toast(answer.kind === 'problem' ? problemText(answer.problem) : done);
    found.reload();
  };
  return (
    <section class="panel card" aria-label={w.reconcile}>
      <h2>{w.reconcile}</h2>
      <p class="lead">{w.reconcileLead}</p>
      <LoadState of={found}>
        {({ stopped, passes, findings, samples }) => (
          <>
            {stopped !== null && (
              <div class="notice bad" role="alert">
                <p>
                  <strong>{w.reconcileStopped(dateTime(Date.parse(stopped.at)))}</strong>
                  <br />
                  {stopped.text}
                </p>
                <Button kind="danger" onClick={() => void act('/v1/reconcile/resume', w.reconcileResumed)}>
                  {w.resumeReconcile}
                </Button>
              </div>
            )}
            <dl class="facts">
              {samples.map(({ verdict, count, bytes: size }) => [
                <dt key={verdict}>{w.readBack(verdict)}</dt>,
                <dd key={`${verdict} count`}>{w.segmentsOf(count, bytes(size))}</dd>,
              ])}
            </dl>
            {samples.length === 0 && <p class="muted">{w.nothingReadBack}</p>}
            {findings.length === 0 ? (
              <p class="all-well">{w.nothingFoundOdd}</p>
            ) : (
              <Table
                label={w.findings}
                rows={findings}
                keyOf={({ kind, state }) => `${kind} ${state}`}
                columns={[
                  { name: w.findings, cell: ({ kind }) => kind },
                  { name: w.state, cell: ({ state }) => state },
                  { name: w.count, number: true, cell: ({ count }) => count },
                  { name: w.holds, number: true, cell: ({ held }) => held },
                  { name: w.from, cell: ({ since }) => dateTime(Date.parse(since)) },
                ]}
              />
            )}
            {passes.length > 0 && (
              <Table
                label={w.passes}
                rows={passes.slice(0, shownPasses)}
                keyOf={({ id }) => String(id)}
                columns={[
                  { name: w.passes, cell: ({ createdAt }) => dateTime(Date.parse(createdAt)) },
                  { name: w.state, cell: ({ state, dryRun }) => (dryRun ? `${state} (${w.lookOnly})` : state) },
                  { name: w.rowsCompared, number: true, cell: ({ rows }) => rows },
                  { name: w.objectsCompared, number: true, cell: ({ objects }) => objects },
                ]}
              />
            )}
            <div class="choices">
              <Button onClick={() => void act('/v1/reconcile', w.passRequested, { dryRun: true })}>{w.lookNow}</Button>
            </div>
          </>
        )}
      </LoadState>
    </section>
  );
}
