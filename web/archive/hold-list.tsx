import { useState } from 'preact/hooks';
import type { Hold } from '../answers.ts';
import { call } from '../api.ts';
import { fleet } from '../fleet.ts';
import { dateTime } from '../format.ts';
import type { Loaded } from '../loaded.ts';
import { Button } from '../parts/button.tsx';
import { FormDialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { Link } from '../parts/link.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { Table } from '../parts/table.tsx';
import { toast } from '../parts/toast.tsx';
import { playAddress } from '../router.ts';
import { words } from '../words/index.ts';

/** `account:admin` as people call it. */
export function personOf(actor: string): string {
  return actor.slice(actor.indexOf(':') + 1);
}

interface HoldListProps {
  holds: Loaded<Hold[]>;
  /** All are of one camera, which the page names. */
  ofOne?: boolean;
}

/** Holds, those in force first; one in force can be released. */
export function HoldList({ holds, ofOne = false }: HoldListProps) {
  const w = words.value;
  const [releasing, setReleasing] = useState<Hold | null>(null);
  const nameOf = (id: string) => fleet.value.cameras.find((camera) => camera.id === id)?.name ?? w.goneCamera;
  const active = (hold: Hold) => hold.state === 'active';
  return (
    <>
      <LoadState of={holds}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="lock" text={w.noHolds} hint={w.noHoldsHint} />
          ) : (
            <Table
              label={w.holds}
              rows={all.toSorted(
                (a, b) => Number(active(b)) - Number(active(a)) || b.placedAt.localeCompare(a.placedAt),
              )}
              keyOf={({ id }) => id}
              columns={[
                ...(ofOne ? [] : [{ name: w.camera, cell: (hold: Hold) => nameOf(hold.cameraId) }]),
                {
                  name: w.heldFootage,
                  cell: (hold) => (
                    <Link class="text-link" href={playAddress(hold.cameraId, Date.parse(hold.from))}>
                      {dateTime(Date.parse(hold.from))} – {dateTime(Date.parse(hold.to))}
                    </Link>
                  ),
                },
                {
                  name: w.reason,
                  cell: (hold) => (
                    <>
                      {hold.reason}
                      <small class="muted block">
                        {w.placedBy(personOf(hold.placedBy), dateTime(Date.parse(hold.placedAt)))}
                      </small>
                    </>
                  ),
                },
                { name: w.state, cell: (hold) => <HoldState hold={hold} /> },
                {
                  name: '',
                  cell: (hold) =>
                    active(hold) && (
                      <Button onClick={() => setReleasing(hold)} kind="plain">
                        {w.release}
                      </Button>
                    ),
                },
              ]}
            />
          )
        }
      </LoadState>
      {releasing !== null && (
        <FormDialog
          title={w.releaseTitle}
          submitLabel={w.release}
          danger
          onClose={() => setReleasing(null)}
          shownByField={() => false}
          submit={async () => {
            const answer = await call<Hold>('DELETE', `/v1/holds/${releasing.id}`);
            if (answer.kind === 'ok') {
              toast(w.released);
              holds.reload();
            }
            return answer;
          }}
        >
          <p>{w.releaseText}</p>
          <p class="muted">
            {nameOf(releasing.cameraId)} · {dateTime(Date.parse(releasing.from))} – {dateTime(Date.parse(releasing.to))}
          </p>
        </FormDialog>
      )}
    </>
  );
}

function HoldState({ hold }: { hold: Hold }) {
  const w = words.value;
  if (hold.state === 'released' && hold.releasedAt !== null) {
    return (
      <span class="muted">{w.releasedBy(personOf(hold.releasedBy ?? ''), dateTime(Date.parse(hold.releasedAt)))}</span>
    );
  }
  if (hold.state !== 'active') return <span class="muted">{w.holdEnded}</span>;
  return <span>{hold.until === null ? w.untilReleased : w.heldUntil(dateTime(Date.parse(hold.until)))}</span>;
}
