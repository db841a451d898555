import type { Hold, RetentionPreview } from '../answers.ts';
import { CertificateList } from '../archive/certificate-list.tsx';
import { HoldList } from '../archive/hold-list.tsx';
import { bytes, dateTime, duration } from '../format.ts';
import { useList, useLoaded } from '../loaded.ts';
import { Empty } from '../parts/empty.tsx';
import { Link } from '../parts/link.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { Table } from '../parts/table.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { words } from '../words/index.ts';

export const retentionTabs = ['plan', 'holds', 'certificates'] as const;
type RetentionTab = (typeof retentionTabs)[number];

/** `/retention/{plan,holds,certificates}`: what goes when, what is kept whatever happens, and what proves it is gone. */
export function RetentionPage({ tab }: { tab: RetentionTab }) {
  const w = words.value;
  return (
    <div class="page">
      <header class="page-title">
        <h1>{w.archive}</h1>
      </header>
      <Tabs
        label={w.archive}
        tabs={retentionTabs.map((id) => ({ href: `/retention/${id}`, text: w[id], current: tab === id }))}
      />
      {tab === 'plan' && <Plan />}
      {tab === 'holds' && <AllHolds />}
      {tab === 'certificates' && (
        <section class="panel card">
          <p class="lead">{w.certificatesLead}</p>
          <CertificateList />
        </section>
      )}
    </div>
  );
}

function AllHolds() {
  const holds = useList<Hold>('/v1/holds');
  return (
    <section class="panel card">
      <p class="lead">{words.value.holdsLead}</p>
      <HoldList holds={holds} />
    </section>
  );
}

const minuteMs = 60_000;

function Plan() {
  const w = words.value;
  const preview = useLoaded<RetentionPreview>('/v1/retention/preview?days=7');
  return (
    <section class="panel card">
      <p class="lead">{w.planLead}</p>
      <LoadState of={preview}>
        {({ items, minutes, bytes: count, asOf }) =>
          items.length === 0 ? (
            <Empty icon="clock" text={w.nothingGoes} />
          ) : (
            <>
              <p class="total">
                <strong>{duration(minutes * minuteMs)}</strong> {bytes(count)}{' '}
                <small class="muted">{w.asOfTime(dateTime(Date.parse(asOf)))}</small>
              </p>
              <Table
                label={w.plan}
                rows={items}
                keyOf={({ cameraId }) => cameraId}
                columns={[
                  {
                    name: w.camera,
                    cell: (item) => (
                      <Link class="text-link" href={`/cameras/${item.cameraId}/retention`}>
                        {item.name}
                      </Link>
                    ),
                  },
                  { name: w.keptFor, cell: (item) => w.days(item.retentionDays) },
                  { name: w.footage, number: true, cell: (item) => duration(item.minutes * minuteMs) },
                  { name: w.size, number: true, cell: (item) => bytes(item.bytes) },
                  {
                    name: w.firstAt,
                    cell: (item) => {
                      const first = item.steps.find((step) => step.segments > 0);
                      return first === undefined ? '' : w.until(dateTime(Date.parse(first.by)));
                    },
                  },
                ]}
              />
            </>
          )
        }
      </LoadState>
    </section>
  );
}
