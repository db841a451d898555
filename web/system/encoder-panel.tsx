import type { Encoders } from '../answers.ts';
import { age, bytes, dateTime, duration } from '../format.ts';
import { Table } from '../parts/table.tsx';
import { words } from '../words/index.ts';
import { Slots } from './slots.tsx';

const shownSteps = 8;

/** The hosts that finish footage, what waits for them, and which encoder was chosen why. */
export function EncoderPanel({ encoders }: { encoders: Encoders }) {
  const w = words.value;
  const { hosts, queues, held, steps } = encoders;
  return (
    <>
      {hosts.length === 0 && <p class="muted">{w.noEncoders}</p>}
      {hosts.length > 0 && (
        <Table
          label={w.encoders}
          rows={hosts}
          keyOf={({ host }) => host}
          columns={[
            { name: w.hostName, cell: ({ host }) => <span class="verbatim">{host}</span> },
            {
              name: w.encoderKind,
              cell: ({ kind, reason }) => (
                <>
                  {kind}
                  <small class="muted block">{reason}</small>
                </>
              ),
            },
            { name: w.encodes, cell: ({ used, slots }) => <Slots used={used} slots={slots} label={w.encodes} /> },
            {
              name: w.joins,
              cell: ({ joinUsed, joinSlots }) => <Slots used={joinUsed} slots={joinSlots} label={w.joins} />,
            },
            {
              name: w.ceiling,
              cell: ({ ceiling, ceilingReason }) =>
                ceiling === null ? (
                  <span class="muted">{w.noCeiling}</span>
                ) : (
                  <>
                    {w.sessions(ceiling)}
                    {ceilingReason !== null && <small class="muted block">{ceilingReason}</small>}
                  </>
                ),
            },
          ]}
        />
      )}
      <h3>{w.backlog}</h3>
      <Table
        label={w.backlog}
        rows={queues}
        keyOf={({ tier }) => tier}
        columns={[
          { name: w.queue, cell: ({ tier }) => w.queues[tier] },
          { name: w.waiting, number: true, cell: ({ waiting }) => waiting },
          { name: w.underWay, number: true, cell: ({ started }) => started },
          {
            name: w.parked,
            number: true,
            cell: ({ parked }) => <span class={parked > 0 ? 'bad' : ''}>{parked}</span>,
          },
          {
            name: w.oldest,
            number: true,
            cell: ({ ageSeconds }) => (ageSeconds === 0 ? '–' : duration(ageSeconds * 1000)),
          },
        ]}
      />
      {held.files > 0 && <p>{w.heldForFinals(held.files, bytes(held.bytes), age(held.ageSeconds * 1000))}</p>}
      {steps.length > 0 && (
        <details>
          <summary>{w.encoderSteps(steps.length)}</summary>
          <ol class="story">
            {steps.slice(0, shownSteps).map((step) => (
              <li key={`${step.host} ${step.at} ${step.kind} ${step.from ?? ''}`}>
                <time dateTime={step.at}>{dateTime(Date.parse(step.at))}</time>
                <div>
                  <p>
                    <span class="verbatim">{step.host}</span>:{' '}
                    {step.ceiling === null ? w.encoderStep(step) : w.ceilingStep(step.ceiling)}
                  </p>
                  <code>{step.reason}</code>
                </div>
              </li>
            ))}
          </ol>
        </details>
      )}
    </>
  );
}
