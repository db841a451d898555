import type { Hold, RetentionPreview } from '../answers.ts';
import { CertificateList } from '../archive/certificate-list.tsx';
import { HoldList } from '../archive/hold-list.tsx';
import { bytes, dateTime, duration } from '../format.ts';
import { useList, useLoaded } from '../loaded.ts';
import { Empty } from '../parts/empty.tsx';
import { Link } from '../parts/link.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { Table, type Column } from '../parts/table.tsx';
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
        {(answer) => {
          const { items, purges } = answer;
          if (items.length === 0 && purges.length === 0) return <Empty icon="clock" text={w.nothingGoes} />;
          return (
            <>
              {items.length > 0 && <ByAge preview={answer} />}
              {purges.length > 0 && <Purges purges={purges} />}
            </>
          );
        }}
      </LoadState>
    </section>
  );
}

const cameraColumn = (name: string): Column<{ cameraId: string; name: string }> => ({
  name,
  cell: (item) => (
    <Link class="text-link" href={`/cameras/${item.cameraId}/retention`}>
      {item.name}
    </Link>
  ),
});

const amountColumns = (footage: string, size: string): Column<{ minutes: number; bytes: number }>[] => [
  { name: footage, number: true, cell: (item) => duration(item.minutes * minuteMs) },
  { name: size, number: true, cell: (item) => bytes(item.bytes) },
];

function ByAge({ preview: { items, minutes, bytes: count, asOf } }: { preview: RetentionPreview }) {
  const w = words.value;
  return (
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
          cameraColumn(w.camera),
          { name: w.keptFor, cell: (item) => w.days(item.retentionDays) },
          ...amountColumns(w.footage, w.size),
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
  );
}

/** Cameras that go as a whole, with all their footage. */
function Purges({ purges }: { purges: RetentionPreview['purges'] }) {
  const w = words.value;
  return (
    <>
      <h2>{w.purges}</h2>
      <Table
        label={w.purges}
        rows={purges}
        keyOf={({ cameraId }) => cameraId}
        columns={[
          cameraColumn(w.camera),
          ...amountColumns(w.footage, w.size),
          { name: w.purgeAt, cell: ({ at }) => (at === null ? w.afterHolds : dateTime(Date.parse(at))) },
        ]}
      />
    </>
  );
}
