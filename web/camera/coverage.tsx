import type { CoverageDay, PageOf } from '../answers.ts';
import { serverNow } from '../clock.ts';
import type { Camera } from '../fleet.ts';
import { duration, percent, utcDay } from '../format.ts';
import { useLoaded } from '../loaded.ts';
import { Empty } from '../parts/empty.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { Table } from '../parts/table.tsx';
import { words } from '../words/index.ts';

const dayMs = 86_400_000;
const shownDays = 30;

/** How much of the wanted time is there, by day, and the signed report of the month. */
export function Coverage({ camera }: { camera: Camera }) {
  const w = words.value;
  const today = Math.floor(serverNow() / dayMs) * dayMs;
  const from = new Date(today - (shownDays - 1) * dayMs).toISOString();
  const to = new Date(today + dayMs).toISOString();
  const found = useLoaded<PageOf<CoverageDay>>(`/v1/cameras/${camera.id}/coverage?from=${from}&to=${to}`, 60_000);
  const months = [0, 1].map(
    (back) => new Date(Date.UTC(new Date(today).getUTCFullYear(), new Date(today).getUTCMonth() - back)),
  );
  return (
    <section class="panel card" aria-label={w.coverage}>
      <p class="lead">{w.coverageLead}</p>
      <p class="links">
        {months.map((month) => {
          const name = month.toISOString().slice(0, 7);
          const href = `/v1/reports/coverage/page?month=${name}&tenantId=${camera.tenantId}`;
          return (
            <a key={name} class="text-link" href={href} target="_blank" rel="noopener">
              {w.reportOf(name)}
            </a>
          );
        })}
      </p>
      <LoadState of={found}>
        {({ items }) => {
          const wanted = items.reduce((sum, day) => sum + day.wantedMs, 0);
          const recorded = items.reduce((sum, day) => sum + day.recordedMs, 0);
          if (wanted === 0) return <Empty icon="clock" text={w.nothingWanted} />;
          return (
            <>
              <p class="total">
                <strong>{percent(recorded / wanted)}</strong> {w.recordedOf(duration(recorded), duration(wanted))}
              </p>
              <Table
                label={w.coverage}
                rows={items.toReversed()}
                keyOf={({ startAt }) => startAt}
                columns={[
                  { name: w.dayUtc, cell: (day) => utcDay(Date.parse(day.startAt)) },
                  { name: w.recordedPart, cell: (day) => <DayBar day={day} /> },
                  {
                    name: w.missingTime,
                    number: true,
                    cell: (day) => (day.wantedMs > day.recordedMs ? duration(day.wantedMs - day.recordedMs) : '–'),
                  },
                ]}
              />
            </>
          );
        }}
      </LoadState>
    </section>
  );
}

function DayBar({ day }: { day: CoverageDay }) {
  if (day.ratio === null) return <span class="muted">{words.value.nothingWanted}</span>;
  return (
    <span class="share" data-full={day.ratio >= 1}>
      <i style={{ '--part': day.ratio }} />
      <b>{percent(day.ratio)}</b>
    </span>
  );
}
