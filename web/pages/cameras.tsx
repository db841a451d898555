import { useState } from 'preact/hooks';
import { PurgeDialog, RetireDialog } from '../archive/end-of-camera.tsx';
import { AddCameraDialog, AddressDialog, RenameDialog } from '../cameras/camera-dialogs.tsx';
import { CameraRow, type CameraDialog } from '../cameras/camera-row.tsx';
import { FleetNumber } from '../cameras/fleet-number.tsx';
import { fleet, isRetired, refreshFleet, sortedCameras, type Camera } from '../fleet.ts';
import { hourMinute, nameContains } from '../format.ts';
import { slowServerNowMs } from '../clock.ts';
import { Button } from '../parts/button.tsx';
import { Empty } from '../parts/empty.tsx';
import { Legend } from '../parts/legend.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { words } from '../words/index.ts';

type Open = { what: 'add' } | { what: CameraDialog; camera: Camera } | null;

/** From here on the list is too long to look through. */
const searchFrom = 9;

export function CamerasPage() {
  const w = words.value;
  const [open, setOpen] = useState<Open>(null);
  const { asOfMs, problem } = fleet.value;
  const close = () => setOpen(null);
  const empty = asOfMs !== null && fleet.value.cameras.length === 0;
  return (
    <div class="page cameras-page">
      <header class="page-head">
        <h1 class="visually-hidden">{w.cameras}</h1>
        {asOfMs !== null && !empty ? <FleetNumber /> : <div class="fleet-number" />}
        {asOfMs !== null && !empty && (
          <Button kind="primary" icon="plus" onClick={() => setOpen({ what: 'add' })}>
            {w.addCamera}
          </Button>
        )}
      </header>
      {asOfMs === null && problem === null && <ListSkeleton />}
      {asOfMs === null && problem !== null && (
        <Empty icon="alert" text={w.loadFailed}>
          <ProblemNote problem={problem} />
          <Button kind="primary" onClick={() => void refreshFleet()}>
            {w.retry}
          </Button>
        </Empty>
      )}
      {empty && (
        <Empty icon="cameras" text={w.addFirstCamera} hint={w.addFirstHint}>
          <Button kind="primary" icon="plus" onClick={() => setOpen({ what: 'add' })}>
            {w.addCamera}
          </Button>
        </Empty>
      )}
      {asOfMs !== null && !empty && <CameraList onOpen={setOpen} />}
      {open?.what === 'add' && <AddCameraDialog onClose={close} />}
      {open?.what === 'rename' && <RenameDialog camera={open.camera} onClose={close} />}
      {open?.what === 'address' && <AddressDialog camera={open.camera} onClose={close} />}
      {open?.what === 'retire' && <RetireDialog camera={open.camera} onClose={close} />}
      {open?.what === 'purge' && <PurgeDialog camera={open.camera} onClose={close} />}
    </div>
  );
}

function CameraList({ onOpen }: { onOpen: (open: Open) => void }) {
  const w = words.value;
  const [part, setPart] = useState('');
  const all = sortedCameras.value;
  const found = all.filter(({ name }) => nameContains(name, part));
  const kept = found.filter((camera) => !isRetired(camera));
  const retired = found.filter(isRetired);
  const row = (camera: Camera) => (
    <CameraRow key={camera.id} camera={camera} onDialog={(what) => onOpen({ what, camera })} />
  );
  const now = slowServerNowMs();
  return (
    <>
      {all.length >= searchFrom && (
        <input
          class="search"
          type="search"
          placeholder={w.search}
          aria-label={w.search}
          value={part}
          onInput={(event) => setPart(event.currentTarget.value)}
        />
      )}
      <section class="panel">
        <div class="camera-head" aria-hidden="true">
          <span>{w.camera}</span>
          <span>{w.state}</span>
          <span class="hour-head">
            <span>{hourMinute(now - 3_600_000)}</span>
            <span>{w.lastHour}</span>
            <span>{w.now}</span>
          </span>
          <span>{w.lastFootage}</span>
          <span />
        </div>
        <ul class="camera-list" aria-label={w.cameras}>
          {kept.map(row)}
        </ul>
        {found.length === 0 && <p class="nothing">{w.nothingFound}</p>}
      </section>
      {retired.length > 0 && (
        <details class="retired">
          <summary>{w.retired(retired.length)}</summary>
          <section class="panel">
            <ul class="camera-list" aria-label={w.retired(retired.length)}>
              {retired.map(row)}
            </ul>
          </section>
        </details>
      )}
      <Legend />
    </>
  );
}

function ListSkeleton() {
  return (
    <div class="panel list-skeleton" role="status" aria-label={words.value.loading}>
      {[0, 1, 2].map((n) => (
        <span key={n} class="skeleton row" />
      ))}
    </div>
  );
}
