import type { StatusAnswer } from '../../api/schemas/service.ts';
import { serverNowMs } from '../clock.ts';
import { age } from '../format.ts';
import { Table } from '../parts/table.tsx';
import { words } from '../words/index.ts';
import { Slots } from './slots.tsx';

type Recorder = StatusAnswer['recorders'][number];

/** The hosts that record: how full, and whether they are there. */
export function RecorderPanel({ recorders }: { recorders: readonly Recorder[] }) {
  const w = words.value;
  if (recorders.length === 0) return <p class="muted">{w.noRecorders}</p>;
  const state = ({ alive, draining }: Recorder) => (alive ? (draining ? w.draining : w.alive) : w.notSeen);
  return (
    <Table
      label={w.recorders}
      rows={recorders}
      keyOf={({ hostId }) => hostId}
      columns={[
        { name: w.hostName, cell: ({ hostId }) => <span class="verbatim">{hostId}</span> },
        { name: w.slots, cell: ({ used, slots }) => <Slots used={used} slots={slots} label={w.slots} /> },
        {
          name: w.state,
          cell: (recorder) => <span class={recorder.alive ? '' : 'bad'}>{state(recorder)}</span>,
        },
        {
          name: w.lastSeen,
          number: true,
          cell: ({ seenAt }) => w.ago(age(Math.max(0, serverNowMs() - Date.parse(seenAt)))),
        },
      ]}
    />
  );
}
