import { useState } from 'preact/hooks';
import type { Hold } from '../answers.ts';
import { CertificateList } from '../archive/certificate-list.tsx';
import { PurgeDialog, RetireDialog } from '../archive/end-of-camera.tsx';
import { HoldDialog } from '../archive/hold-dialog.tsx';
import { HoldList } from '../archive/hold-list.tsx';
import { RetentionPanel } from '../archive/retention-panel.tsx';
import { Coverage } from '../camera/coverage.tsx';
import { Story } from '../camera/story.tsx';
import { direct } from '../cameras/camera-actions.ts';
import { AddressDialog, RenameDialog } from '../cameras/camera-dialogs.tsx';
import { Reason } from '../cameras/reason.tsx';
import { fleet, isRetired, shownState, type Camera } from '../fleet.ts';
import { useList } from '../loaded.ts';
import { Button } from '../parts/button.tsx';
import { Empty } from '../parts/empty.tsx';
import { Icon } from '../parts/icon.tsx';
import { Link } from '../parts/link.tsx';
import { StateTag } from '../parts/state-tag.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { playAddress } from '../router.ts';
import { words } from '../words/index.ts';

const tabs = ['story', 'coverage', 'retention', 'holds', 'settings'] as const;
type Tab = (typeof tabs)[number];

/** `/cameras/:id/:tab`: one camera's story, coverage, retention, holds and settings. */
export function CameraPage({ cameraId, tab }: { cameraId: string; tab: string }) {
  const w = words.value;
  const camera = fleet.value.cameras.find(({ id }) => id === cameraId);
  const chosen: Tab = tabs.find((one) => one === tab) ?? 'story';
  if (fleet.value.asOfMs === null) return <div class="page" aria-busy="true" />;
  if (camera === undefined) {
    return (
      <div class="page">
        <Empty icon="cameras" text={w.problems['not-found'] ?? ''}>
          <Link class="button primary" href="/">
            {w.toCameras}
          </Link>
        </Empty>
      </div>
    );
  }
  return (
    <div class="page">
      <header class="page-title">
        <div>
          <Link class="back" href="/">
            {w.cameras}
          </Link>
          <h1>{camera.name}</h1>
          <div class="camera-now">
            <StateTag state={shownState(camera)} />
            <Reason camera={camera} />
          </div>
        </div>
        <Link class="button" href={playAddress(camera.id)}>
          <Icon name="play" />
          <span>{w.play}</span>
        </Link>
      </header>
      <Tabs
        label={camera.name}
        tabs={tabs.map((id) => ({
          href: `/cameras/${camera.id}/${id}`,
          text: w.cameraTabs[id],
          current: chosen === id,
        }))}
      />
      {chosen === 'story' && <Story key={camera.id} cameraId={camera.id} />}
      {chosen === 'coverage' && <Coverage camera={camera} />}
      {chosen === 'retention' && <RetentionPanel camera={camera} />}
      {chosen === 'holds' && <CameraHolds camera={camera} />}
      {chosen === 'settings' && <CameraSettings camera={camera} />}
    </div>
  );
}

function CameraHolds({ camera }: { camera: Camera }) {
  const w = words.value;
  const [placing, setPlacing] = useState(false);
  const holds = useList<Hold>(`/v1/holds?cameraId=${camera.id}`);
  return (
    <section class="panel card">
      <p class="lead">{w.holdsLead}</p>
      {camera.state !== 'purged' && (
        <Button kind="primary" icon="lock" onClick={() => setPlacing(true)}>
          {w.holdConfirm}
        </Button>
      )}
      <HoldList holds={holds} ofOne />
      {placing && <HoldDialog camera={camera} onPlaced={holds.reload} onClose={() => setPlacing(false)} />}
    </section>
  );
}

type Open = 'rename' | 'address' | 'retire' | 'purge' | null;

/** What can be changed of a camera, and how it ends. */
function CameraSettings({ camera }: { camera: Camera }) {
  const w = words.value;
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const retired = isRetired(camera);
  const reversible = camera.state === 'grace';
  return (
    <>
      <section class="panel card">
        <dl class="facts">
          <dt>{w.name}</dt>
          <dd>{camera.name}</dd>
          <dt>{w.address}</dt>
          <dd class="verbatim">{camera.urlRedacted}</dd>
          <dt>{w.tier}</dt>
          <dd>{camera.tier === 'critical' ? w.tierCritical : w.tierNormal}</dd>
        </dl>
        <div class="choices">
          <Button onClick={() => setOpen('rename')}>{w.rename}</Button>
          {!retired && <Button onClick={() => setOpen('address')}>{w.changeAddress}</Button>}
          {camera.intent === 'record' && <Button onClick={() => void direct(camera, 'pause')}>{w.pause}</Button>}
          {camera.intent === 'paused' && <Button onClick={() => void direct(camera, 'resume')}>{w.resume}</Button>}
        </div>
      </section>
      <section class="panel card end-of-camera">
        <h2>{w.endOfCamera}</h2>
        {!retired && (
          <>
            <p>{w.endText}</p>
            <Button kind="danger" onClick={() => setOpen('retire')}>
              {w.retire}
            </Button>
          </>
        )}
        {reversible && (
          <>
            <p>{w.graceText}</p>
            <div class="choices">
              <Button kind="primary" onClick={() => void direct(camera, 'reactivate')}>
                {w.reactivate}
              </Button>
              <Button kind="danger" onClick={() => setOpen('purge')}>
                {w.purge}
              </Button>
            </div>
          </>
        )}
        {camera.state === 'purging' && <p>{w.purgingText}</p>}
        {retired && (
          <>
            <h2>{w.certificates}</h2>
            <CertificateList cameraId={camera.id} />
          </>
        )}
      </section>
      {open === 'rename' && <RenameDialog camera={camera} onClose={close} />}
      {open === 'address' && <AddressDialog camera={camera} onClose={close} />}
      {open === 'retire' && <RetireDialog camera={camera} onClose={close} />}
      {open === 'purge' && <PurgeDialog camera={camera} onClose={close} />}
    </>
  );
}
